// The example of docs/browser.md as a bundler has made one file of it, which is named by BUNDLE.

import assert from "node:assert/strict";
import { test } from "node:test";
import { pathToFileURL } from "node:url";

import { WELCOME, browser, globals, joined, message, turns } from "./fakes.js";

let times = 0;

/** Runs the bundle, as a page does that loads it. */
async function load() {
  const world = browser();
  /** @type {unknown[][]} */
  const said = [];
  globals({ csrfToken: "secret", console: { ...console, log: (/** @type {unknown[]} */ ...words) => said.push(words) } });
  await import(`${pathToFileURL(process.env.BUNDLE ?? "")}?${++times}`);
  await turns();
  return { ...world, said };
}

test("connects, joins, posts and hears", async () => {
  const { sockets: [socket], said } = await load();
  assert.deepEqual([socket.address, socket.protocol], ["wss://chat.example/ws", "chat.v1.json"]);
  socket.hear(WELCOME);
  const [join] = socket.take();
  assert.deepEqual([join.type, join.room, join.history], ["join", "main", 20]);
  socket.hear({ ...joined({ head: 1 }), ref: join.ref }, message(1));
  const [post] = socket.take();
  assert.deepEqual([post.type, post.room, post.text], ["post", "main", "hello"]);
  assert.deepEqual(said.find(([type]) => type === "message"), ["message", 1, message(1)]);
});

test("brings the way without WebSockets along", async () => {
  const { sockets, requests, clock } = await load();
  for (let attempt = 0; attempt < 2; attempt++) {
    assert.equal(sockets.length, attempt + 1);
    sockets[attempt].lose();
    clock.pass(2_000);
    await turns();
  }
  assert.deepEqual([requests[0].method, requests[0].path], ["GET", "/rooms/main/events"]);
});
