import assert from "node:assert/strict";
import { test } from "node:test";

import { Client } from "../../chat/static/chat/client.js";
import { page, refusalOf } from "./clients.js";
import { WELCOME, browser, joined, message, turns } from "./fakes.js";

// Asking

test("what is asked is refused with the protocol's code, and with how long to wait", async () => {
  const { client, server } = await page();
  server().hear(WELCOME);
  const asked = client.ask({ type: "edit", room: "main", seq: 1, text: "x" });
  server().hear({ type: "error", code: "rate_limited", detail: "slow down", retry_after: 3, ref: server().take()[0].ref });
  const { code, message, wait } = await refusalOf(asked);
  assert.deepEqual([code, message, wait], ["rate_limited", "slow down", 3]);
});

test("what is asked is lost with the connection, without one, and when the client is closed", async () => {
  const { client, server, clock } = await page();
  assert.equal((await refusalOf(client.ask({ type: "rooms" }))).code, "lost");
  server().hear(WELCOME);
  const two = [client.ask({ type: "rooms" }), client.ask({ type: "rooms" })];
  server().lose();
  for (const asked of two) assert.equal((await refusalOf(asked)).code, "lost");
  assert.equal((await refusalOf(client.ask({ type: "rooms" }))).code, "lost");
  clock.pass(1000);
  server().hear(WELCOME);
  const last = client.ask({ type: "rooms" });
  client.close();
  assert.equal((await refusalOf(last)).message, "lost");
});

test("reply that nobody waits for is of no consequence", async () => {
  const { server } = await page();
  server().hear(WELCOME, { type: "rooms", rooms: [], ref: 99 }, { type: "rooms", rooms: [], ref: "x" });
});

// Names

test("name is kept for the next visit, and comes before the rooms", async () => {
  const { client, server, storage, clock } = await page("main");
  server().hear(WELCOME);
  server().take();
  const renaming = client.rename("Zoë");
  const [{ ref, ...command }] = server().take();
  assert.deepEqual(command, { type: "rename", name: "Zoë" });
  server().hear({ type: "renamed", sender: { id: "7", name: "Zoë" }, ref });
  await renaming;
  assert.equal(client.me?.name, "Zoë");
  assert.equal(storage.getItem("chat.name"), "Zoë");
  server().lose();
  clock.pass(1000);
  server().hear(WELCOME);
  assert.deepEqual(server().take().map(({ type }) => type), ["rename", "join"]);
});

for (const [code, kept] of /** @type {[string, string | null][]} */ ([
  ["bad_command", null], ["forbidden", "Ann"], ["rate_limited", "Ann"], ["unavailable", "Ann"],
  ["stale", "Ann"],
])) {
  test(`name from an earlier visit that is refused as ${code} is ${kept ? "kept" : "forgotten"}`, async () => {
    const { client, server, storage } = await page();
    storage.setItem("chat.name", "Ann");
    server().hear(WELCOME);
    server().hear({ type: "error", code, detail: "", ref: server().take()[0].ref });
    await turns();
    assert.equal(storage.getItem("chat.name"), kept);
    assert.equal(client.me?.name, "Guest 7");
  });

  test(`name that is refused as ${code} leaves the one before`, async () => {
    const { client, server, storage } = await page();
    server().hear(WELCOME);
    storage.setItem("chat.name", "Ann");
    const renaming = client.rename("Zoë");
    server().hear({ type: "error", code, detail: "", ref: server().take()[0].ref });
    assert.equal((await refusalOf(renaming)).code, code);
    assert.equal(storage.getItem("chat.name"), "Ann");
  });
}

test("name that was asked for as the connection was lost is taken on the next one", async () => {
  const { client, server, clock } = await page();
  server().hear(WELCOME);
  const renaming = client.rename("Zoë");
  server().lose();
  assert.equal((await refusalOf(renaming)).code, "lost");
  clock.pass(1000);
  server().hear(WELCOME);
  assert.deepEqual(server().take().map(({ name }) => name), ["Zoë"]);
});

// Without WebSockets

test("where WebSockets are blocked the chat goes on over HTTP, and posts what waited", async () => {
  const { sockets, requests, clock, storage } = browser();
  await import("../../chat/static/chat/stream.js"); // which takes longer than turns
  storage.setItem("chat.name", "Zoë");
  const client = new Client({ rooms: "/rooms/", token: "secret" });
  const room = client.join("main", { after: { epoch: "e1", seq: 7 } });
  /** @type {unknown[]} */
  const told = [];
  room.on("log", ({ seq }) => told.push(seq));
  client.on("me", ({ name }) => told.push(name));
  const { id } = room.post("hi");
  await client.open();
  for (const wait of [1000, 2000]) {
    sockets[sockets.length - 1].lose();
    clock.pass(wait);
  }
  await turns();
  assert.deepEqual([sockets.length, client.state], [2, "open"]);
  const me = { id: "7", name: "Zoë" };
  const [naming] = requests;
  await naming.answer([{ type: "renamed", sender: me, ref: naming.body.ref }]);
  const [, stream] = requests;
  assert.deepEqual(stream.query, { history: "50", after: "e1:7", name: "Zoë", seconds: "60" });
  await stream.stream();
  await stream.frame([{ ...WELCOME, sender: me }, joined({ recovered: true, head: 8 })], "e1:7");
  assert.deepEqual(requests[2]?.body, { type: "post", room: "main", text: "hi", id, name: "Zoë" });
  await stream.frame([message(8), message(9, { id, sender: me })], "e1:9");
  await requests[2].answer([{ type: "ack", room: "main", id, seq: 9, duplicate: false }]);
  assert.deepEqual(told, ["Zoë", "Zoë", 8, 9]);
  assert.deepEqual(room.outbox.posts, []);

  // After a loss the better way is tried first; the name is kept.
  stream.cut();
  await turns();
  assert.equal(client.state, "waiting");
  clock.pass(1000);
  assert.equal(sockets.length, 3);
  sockets[2].lose();
  clock.pass(2000);
  await turns();
  assert.deepEqual(requests.slice(3).map(({ method, body }) => [method, body?.name]), [["POST", "Zoë"]]);
  await requests[3].answer([{ type: "renamed", sender: me }]);
  assert.deepEqual(requests[4].query, { history: "50", after: "e1:9", name: "Zoë", seconds: "60" });
  assert.equal(sockets.length, 3);
});
