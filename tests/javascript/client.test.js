import assert from "node:assert/strict";
import { test } from "node:test";

import { Client } from "../../chat/static/chat/client.js";
import { page, refusalOf } from "./clients.js";
import { WELCOME, browser, joined, message, turns } from "./fakes.js";

test("first connection is opened after what has to be done before, also where that fails", async () => {
  for (const failing of [false, true]) {
    const { sockets } = browser();
    let settle = () => {};
    const before = () => new Promise((done, fail) => void (settle = () => (failing ? fail(new TypeError()) : done(undefined))));
    new Client({ socket: "/live", before }).open();
    await turns();
    assert.equal(sockets.length, 0);
    settle();
    await turns();
    assert.equal(sockets[0].address, "wss://chat.example/live");
  }
});

test("state is told, with the code", async () => {
  const { client, server, states, clock } = await page();
  server().hear(WELCOME);
  server().lose(4002);
  clock.pass(1000);
  server().lose(4503);
  assert.deepEqual(states, [["connecting", undefined], ["open", undefined], ["waiting", 4002], ["connecting", undefined], ["closed", 4503]]);
  assert.equal(client.state, "closed");
  assert.equal(client.send({ type: "rooms" }), false);
});

test("hurry over a connection that is open asks for an answer, and comes back where there is none", async () => {
  const { client, server, clock, sockets } = await page("main");
  server().hear(WELCOME);
  server().take();
  client.hurry();
  assert.deepEqual(server().take().map(({ type }) => type), ["rooms"]);
  server().hear({ type: "rooms", rooms: [], ref: 2 });
  clock.pass(5_000);
  assert.deepEqual([client.state, sockets.length], ["open", 1]);
  client.hurry();
  clock.pass(4_999);
  assert.equal(client.state, "open");
  clock.pass(1);
  assert.equal(client.state, "waiting");
});

test("what a moderator does goes out as one command, with what was said of it alone", async () => {
  const { client, server } = await page("main");
  server().hear(WELCOME, joined());
  server().take();
  const room = client.rooms.get("main");
  const until = "2026-03-01T09:00:00.000Z";
  const done = room?.moderate("mute", "7", { until, reason: "loud" });
  room?.moderate("unmute", "7").catch(() => undefined);
  const [mute, unmute] = server().take();
  const { ref } = mute;
  assert.deepEqual(mute, { type: "moderate", room: "main", action: "mute", target: "7", until, reason: "loud", ref });
  assert.deepEqual(unmute, { type: "moderate", room: "main", action: "unmute", target: "7", ref: unmute.ref });
  server().hear({ type: "moderated", room: "main", action: "mute", target: "7", until, reason: "loud", ref });
  assert.equal((await done)?.type, "moderated");
});

test("client that is closed stays so", async () => {
  const { client, states, sockets, clock } = await page("main");
  client.close();
  client.hurry();
  clock.pass(60_000);
  assert.deepEqual(states.at(-1), ["closed", undefined]);
  assert.equal(sockets.length, 1);
});

test("several rooms are on one connection, each with its own place", async () => {
  const { client, server, clock, sockets } = await page("one", "two");
  server().hear(WELCOME);
  assert.deepEqual(server().take().map(({ type, room }) => [type, room]), [["join", "one"], ["join", "two"]]);
  const three = client.join("three");
  assert.equal(client.join("three"), three);
  assert.deepEqual(server().take().map(({ room, history }) => [room, history]), [["three", 50]]);
  server().hear(joined({ room: "one", head: 5 }), joined({ room: "two", head: 9, epoch: "f" }));
  server().hear(message(6, { room: "one" }), message(10, { room: "two" }), message(7, { room: "one" }), { type: "ping" });
  assert.deepEqual(server().take(), [{ type: "pong", seen: { one: 7, two: 10 } }]);
  server().lose();
  clock.pass(1000);
  server().hear(WELCOME);
  assert.deepEqual(server().take().map(({ room, after, history }) => [room, after ?? history]), [
    ["one", { epoch: "e1", seq: 7 }], ["two", { epoch: "f", seq: 10 }], ["three", 50],
  ]);
  assert.equal(sockets.length, 2);
});

test("client that is closed before it could begin does not begin", async () => {
  const { sockets } = browser();
  /** @type {(value?: unknown) => void} */
  let go = () => undefined;
  const client = new Client({ before: () => new Promise((resolve) => (go = resolve)) });
  const opening = client.open();
  client.close();
  go();
  await opening;
  assert.equal(sockets.length, 0);
});

test("post waits for who wrote it, when somebody else has signed in meanwhile", async () => {
  const { client, server, clock } = await page();
  const room = client.join("main");
  server().hear(WELCOME);
  server().hear(joined({ ref: server().take()[0].ref }));
  server().lose();
  const { id } = room.post("mine alone");
  clock.pass(1000);
  server().hear({ ...WELCOME, sender: { id: "8", name: "Eve" } });
  const [join] = server().take();
  server().hear(joined({ recovered: true, ref: join.ref }));
  assert.deepEqual(server().take(), []);
  assert.deepEqual(room.outbox.posts, []);
  server().lose();
  clock.pass(1000);
  server().hear(WELCOME);
  server().hear(joined({ recovered: true, ref: server().take()[0].ref }));
  assert.deepEqual(server().take().map((command) => command.id), [id]);
});

test("post that the server could not read is failed, and the next one goes out", async () => {
  const { client, server } = await page();
  const room = client.join("main");
  server().hear(WELCOME);
  server().hear(joined({ ref: server().take()[0].ref }));
  const [first, second] = [room.post("a"), room.post("b")];
  assert.deepEqual(server().take().map((command) => command.id), [first.id]);
  server().hear({ type: "error", code: "bad_frame", detail: "not JSON" });
  assert.deepEqual([first.state, first.code], ["failed", "bad_frame"]);
  assert.deepEqual(server().take().map((command) => command.id), [second.id]);
});

test("typing that is refused is of no consequence to the post under way", async () => {
  const { client, server } = await page();
  const room = client.join("main");
  server().hear(WELCOME);
  server().hear(joined({ ref: server().take()[0].ref }));
  const post = room.post("a");
  room.typing();
  const [, { type, ref }] = server().take();
  assert.equal(type, "typing");
  server().hear({ type: "error", code: "forbidden", detail: "", ref });
  assert.deepEqual([post.state, post.code], ["waiting", undefined]);
});

test("post that no frame can hold is failed before it ends the connection", async () => {
  const { client, server } = await page();
  const room = client.join("main");
  server().hear(WELCOME);
  server().hear(joined({ ref: server().take()[0].ref }));
  const { frame = 0 } = client.limits ?? {};
  const post = room.post("x".repeat(frame));
  assert.deepEqual([post.state, post.code], ["failed", "too_long"]);
  assert.deepEqual(server().take(), []);
});

test("room that is joined as the connection opens is joined once", async () => {
  const { client, server } = await page();
  client.on("me", () => client.join("one"));
  client.on("state", ({ state }) => state === "open" && client.join("two"));
  server().hear(WELCOME);
  assert.deepEqual(server().take().map(({ room }) => room), ["one", "two"]);
});

test("connection that joined a room is good: the next loss is a short one", async () => {
  const { server, clock } = await page("main");
  const waits = [];
  for (const good of [false, false, true, false]) {
    if (good) server().hear(WELCOME, joined());
    server().lose();
    const wait = /** @type {number} */ (clock.waits.at(-1));
    waits.push(wait);
    clock.pass(wait);
  }
  assert.deepEqual(waits, [1000, 2000, 1000, 2000]);
});

test("all events of a frame are told before it is settled", async () => {
  const { client, server } = await page("main");
  /** @type {unknown[]} */
  const told = [];
  client.on("settled", () => told.push("settled"));
  client.join("main").on("log", ({ seq }) => told.push(seq));
  server().hear(WELCOME, joined({ head: 0 }));
  server().hear(message(1), message(2));
  assert.deepEqual(told, ["settled", 1, 2, "settled"]);
});

test("opening what is open already answers what was asked, and goes on", async () => {
  const { client, server, sockets } = await page("main");
  server().hear(WELCOME, joined());
  const room = client.rooms.get("main");
  room?.post("hello");
  const asked = refusalOf(client.ask({ type: "rooms" }));
  await client.open();
  assert.equal((await asked).code, "lost");
  assert.equal(sockets.length, 2);
  server().hear(WELCOME, joined());
  assert.deepEqual(server().take().flatMap((command) => (command.type === "post" ? [command.text] : [])), ["hello"]);
});
