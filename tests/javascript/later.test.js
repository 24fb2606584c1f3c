import assert from "node:assert/strict";
import { test } from "node:test";

import { Later } from "../../chat/static/chat/later.js";
import { turns } from "./fakes.js";

/** @import { Command, Hears, Transport, Way } from "../../chat/static/chat/types.js" */

/** A way that the test loads when it likes. */
function loading() {
  /** @type {unknown[]} */
  const told = [];
  /** @type {Hears} */
  const on = {
    ready: () => told.push("ready"),
    events: () => told.push("events"),
    closed: (code) => told.push(code),
  };
  /** @type {Transport & { sent: Command[] }} */
  const transport = {
    sent: [],
    idle: true,
    send: (commands) => transport.sent.push(...commands) > 0,
    close: () => told.push("closed"),
  };
  /** @type {(way: Way) => void} */
  let load = () => {};
  /** @type {(error: Error) => void} */
  let fail = () => {};
  const later = new Later(new Promise((resolve, reject) => [load, fail] = [resolve, reject]), on);
  const loaded = () => load((hears) => {
    hears.ready();
    return transport;
  });
  return { later, told, transport, loaded, fail };
}

test("way that is loaded is gone by from then on", async () => {
  const { later, told, transport, loaded } = loading();
  assert.equal(later.send([{ type: "rooms" }]), false, "there is no way yet");
  assert.equal(later.idle, false);
  loaded();
  await turns();
  assert.deepEqual(told, ["ready"]);
  assert.equal(later.send([{ type: "rooms" }]), true);
  assert.deepEqual(transport.sent, [{ type: "rooms" }]);
  assert.equal(later.idle, true);
  later.close();
  assert.deepEqual(told, ["ready", "closed"]);
});

test("way that cannot be loaded is a connection that is lost", async () => {
  const { told, fail } = loading();
  fail(new TypeError("no network"));
  await turns();
  assert.deepEqual(told, [1006]);
});

test("way that was given up while it was loaded is not gone by", async () => {
  const { later, told, loaded } = loading();
  later.close();
  loaded();
  await turns();
  assert.deepEqual(told, []);
});
