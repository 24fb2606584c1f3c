import assert from "node:assert/strict";
import { test } from "node:test";

import { Socket } from "../../chat/static/chat/socket.js";
import { WELCOME, browser, globals } from "./fakes.js";

function opened(address = "/ws") {
  const { sockets } = browser();
  /** @type {unknown[]} */
  const heard = [];
  const socket = new Socket(address, {
    ready: () => heard.push("ready"),
    events: (events) => heard.push(...events.map(({ type }) => type)),
    closed: (code) => heard.push(code),
  });
  return { socket, heard, other: sockets[0] };
}

test("asks for the protocol", () => {
  assert.equal(opened().other.protocol, "chat.v1.json");
});

for (const [page, address, wanted] of [
  ["https://chat.example/rooms/main/?x=1#end", "/ws", "wss://chat.example/ws"],
  ["http://127.0.0.1:5000/", "/ws", "ws://127.0.0.1:5000/ws"],
  ["http://chat.example/rooms/main/", "live", "ws://chat.example/rooms/main/live"],
  ["https://www.example/", "//chat.example/ws", "wss://chat.example/ws"],
  ["https://www.example/", "ws://chat.example/ws", "ws://chat.example/ws"],
]) {
  test(`${address} on ${page} is ${wanted}`, () => {
    const { sockets } = browser();
    globals({ location: { href: page } });
    new Socket(address, { ready() {}, events() {}, closed() {} });
    assert.equal(sockets[0].address, wanted);
  });
}

test("is ready once there was a welcome, and all of its frame was heard", () => {
  const { heard, other } = opened();
  other.hear(WELCOME, { type: "ping" });
  other.hear({ type: "ping" });
  assert.deepEqual(heard, ["welcome", "ping", "ready", "ping"]);
});

test("tells by which code it ended", () => {
  const { heard, other } = opened();
  other.lose(4002);
  assert.deepEqual(heard, [4002]);
});

test("sends all commands in one frame, and none before it is open", () => {
  const { socket, other } = opened();
  assert.equal(socket.send([{ type: "rooms" }]), false);
  other.hear(WELCOME);
  assert.equal(socket.send([{ type: "rooms" }, { type: "leave", room: "main" }]), true);
  assert.deepEqual(other.take(), [{ type: "rooms" }, { type: "leave", room: "main" }]);
  other.lose();
  assert.equal(socket.send([{ type: "rooms" }]), false);
});

test("is silent once it was closed", () => {
  const { socket, heard, other } = opened();
  socket.close();
  assert.equal(other.readyState, 3);
  other.hear(WELCOME);
  other.lose(4503);
  assert.deepEqual(heard, []);
});
