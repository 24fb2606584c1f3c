import assert from "node:assert/strict";
import { test } from "node:test";

import { Client } from "../../chat/static/chat/client.js";
import { Outbox } from "../../chat/static/chat/outbox.js";
import { WELCOME, browser, globals, joined, message, turns } from "./fakes.js";

/** @import { Room } from "../../chat/static/chat/room.js" */
/** @import { RoomEvents } from "../../chat/static/chat/types.js" */

const ME = WELCOME.sender;
const NAMES = /** @type {(keyof RoomEvents)[]} */ (["joined", "log", "outbox", "people", "typing", "trouble", "left"]);

/**
 * A client that was welcomed, with its main room, and the server's end of it.
 * @param {Parameters<Client["join"]>[1]} [options]
 */
async function page(options) {
  const world = browser();
  const client = new Client();
  const room = client.join("main", options);
  const told = listen(room);
  await client.open();
  const server = () => world.sockets[world.sockets.length - 1];
  server().hear(WELCOME);
  /** Comes back after a loss. @param {number} [code] */
  const comeBack = (code) => {
    server().lose(code);
    world.clock.pass(30_000);
    server().hear(WELCOME);
  };
  return { ...world, client, room, told, server, comeBack };
}

/** A page whose room was joined, at the head of its log. */
async function inMain(head = 7) {
  const found = await page({ history: 20, after: { epoch: "e1", seq: head } });
  const [join] = found.server().take();
  found.server().hear(joined({ head, recovered: true, ref: join.ref }));
  found.told.length = 0;
  return found;
}

/** All that a room tells, as [name, value]. @param {Room} room */
function listen(room) {
  /** @type {[string, any][]} */
  const told = [];
  for (const name of NAMES) room.on(name, (value) => told.push([name, value]));
  return told;
}

/** @param {[string, any][]} told @param {string} name */
const only = (told, name) => told.filter(([one]) => one === name).map(([, value]) => value);

/** @param {number} seq @param {string} id */
const own = (seq, id, text = "hi") => message(seq, { id, sender: ME, text });

/** @param {number} seq @param {string} id */
const ack = (seq, id, duplicate = false) => ({ type: "ack", room: "main", id, seq, duplicate });

/** @param {Room} room */
const waiting = ({ outbox }) => outbox.posts.map(({ text, state }) => [text, state]);

// Joining, and the log

test("fresh join asks for the history that is wanted, and begins with what comes", async () => {
  const { server, room, told } = await page({ history: 2 });
  const [{ ref, ...join }] = server().take();
  assert.deepEqual(join, { type: "join", room: "main", history: 2 });
  const members = [{ id: "9", name: "Ann" }];
  server().hear(joined({ head: 9, online: 2, members, ref }), message(8), message(9));
  assert.deepEqual(only(told, "joined"), [{ fresh: true, head: 9 }]);
  assert.deepEqual(only(told, "log").map(({ seq }) => seq), [8, 9]);
  assert.deepEqual([room.joined, room.title, room.epoch, room.seq, room.online], [true, "Lobby", "e1", 9, 2]);
  assert.deepEqual([...room.people.values()], members);
});

test("page that has the latest messages resumes after them", async () => {
  const { server, room, told } = await page({ after: { epoch: "e1", seq: 7 } });
  const [{ ref, ...join }] = server().take();
  assert.deepEqual(join, { type: "join", room: "main", after: { epoch: "e1", seq: 7 }, history: 50 });
  server().hear(joined({ head: 8, recovered: true, ref }));
  server().hear(message(8));
  assert.deepEqual(only(told, "joined"), [{ fresh: false, head: 8 }]);
  assert.equal(room.seq, 8);
});

for (const [head, options, before] of /** @type {[number, { history?: number }, string][]} */ ([
  [0, {}, "the first message of an empty room"], [5, { history: 0 }, "the first message after a join without history"],
])) {
  test(`position is the head's before ${before}, so that nothing is lost`, async () => {
    const { server, room, told, comeBack } = await page(options);
    server().hear(joined({ head, ref: server().take()[0].ref }));
    assert.equal(room.seq, head);
    comeBack();
    assert.deepEqual(server().take()[0].after, { epoch: "e1", seq: head });
    server().hear(joined({ head: head + 1, recovered: true }), message(head + 1));
    assert.equal(only(told, "log").length, 1);
  });
}

test("each event of the log is told once and in order", async () => {
  const { server, room, told } = await inMain(7);
  server().hear(message(8), message(8), message(6), message(7));
  server().hear(
    { type: "edited", room: "main", seq: 9, target: 8, text: "b", at: "" },
    { type: "deleted", room: "main", seq: 10, target: 8, at: "" },
    { type: "edited", room: "main", seq: 9, target: 8, text: "b", at: "" },
  );
  assert.deepEqual(only(told, "log").map(({ type, seq }) => [type, seq]), [["message", 8], ["edited", 9], ["deleted", 10]]);
  assert.equal(room.seq, 10);
  assert.deepEqual(server().take(), []);
});

test("hole has the room joined again after its position, once, and what follows comes in order", async () => {
  const { server, room, told } = await inMain(7);
  server().hear(message(10), message(11));
  server().hear(message(12), message(8));
  const sent = server().take();
  assert.deepEqual(sent.map(({ type, after }) => [type, after]), [["join", { epoch: "e1", seq: 7 }]]);
  server().hear(joined({ head: 12, recovered: true, ref: sent[0].ref }), ...[8, 9, 10, 11, 12].map((seq) => message(seq)));
  assert.deepEqual(only(told, "log").map(({ seq }) => seq), [8, 9, 10, 11, 12]);
  assert.deepEqual(only(told, "joined"), [{ fresh: false, head: 12 }]);
  assert.equal(room.seq, 12);
});

test("room resumes where it was after each loss, and starts over where it cannot", async () => {
  const { server, room, told, comeBack } = await inMain(7);
  server().hear(message(8));
  comeBack();
  const [{ after, history, ref }] = server().take();
  assert.deepEqual([after, history], [{ epoch: "e1", seq: 8 }, 20]);
  assert.equal(room.joined, false);
  server().hear(joined({ epoch: "e2", head: 3, recovered: false, ref }), message(2), message(3));
  assert.deepEqual(only(told, "joined"), [{ fresh: true, head: 3 }]);
  assert.deepEqual(only(told, "log").map(({ seq }) => seq), [8, 2, 3]);
  comeBack();
  assert.deepEqual(server().take()[0].after, { epoch: "e2", seq: 3 });
});

test("server that begins another epoch meanwhile says so, and the room starts over", async () => {
  const { server, room, told } = await inMain(7);
  server().hear(joined({ epoch: "e2", head: 1, recovered: false }), message(1));
  assert.deepEqual([room.epoch, room.seq], ["e2", 1]);
  assert.deepEqual(only(told, "log").map(({ seq }) => seq), [1]);
  assert.deepEqual(server().take(), []);
});

test("join that is refused for now is tried again after the wait", async () => {
  const { server, room, told, clock } = await page();
  const refuse = (/** @type {object} */ about) => server().hear({ type: "error", detail: "", ref: server().take()[0].ref, ...about });
  refuse({ code: "rate_limited", retry_after: 5 });
  assert.deepEqual(only(told, "trouble").map(({ code, retry_after }) => [code, retry_after]), [["rate_limited", 5]]);
  clock.pass(4999);
  assert.deepEqual(server().take(), []);
  clock.pass(1);
  refuse({ code: "unavailable" });
  clock.pass(2000);
  const [{ ref }] = server().take();
  server().hear(joined({ ref }));
  assert.ok(room.joined);
});

test("join that is refused for good is not tried again on this connection", async () => {
  const { server, told, clock, comeBack } = await page();
  server().hear({ type: "error", code: "unknown_room", detail: "", ref: server().take()[0].ref });
  assert.deepEqual(only(told, "trouble").map(({ code }) => code), ["unknown_room"]);
  clock.pass(19_000);
  assert.deepEqual(server().take(), []);
  comeBack();
  assert.equal(server().take().length, 1);
});

test("join that waits for its time is not sent twice after a loss", async () => {
  const { server, clock, comeBack } = await page();
  server().hear({ type: "error", code: "rate_limited", detail: "", retry_after: 40, ref: server().take()[0].ref });
  comeBack();
  assert.equal(server().take().length, 1);
  clock.pass(11_000);
  assert.deepEqual(server().take(), []);
});

test("join that waits for its time is not made where the room was left meanwhile", async () => {
  const { server, room, clock } = await page();
  server().hear({ type: "error", code: "rate_limited", detail: "", retry_after: 5, ref: server().take()[0].ref });
  room.leave();
  server().take();
  clock.pass(5000);
  assert.deepEqual(server().take(), []);
});

test("room that one was taken out of says so", async () => {
  const { server, room, told } = await inMain();
  server().hear({ type: "presence", room: "main", online: 2, joined: [{ id: "9", name: "Ann" }], left: [] });
  told.length = 0;
  server().hear({ type: "left", room: "main" });
  assert.equal(room.joined, false);
  assert.deepEqual(told, [["people", undefined], ["left", { type: "left", room: "main" }]]);
  assert.deepEqual([room.online, room.people.size], [0, 0], "nobody is known to be there");
  room.post("hello?");
  assert.deepEqual(server().take(), []);
});

test("nobody is known to be there where the connection is over for good, and only there", async () => {
  const { server, room, told, comeBack } = await inMain();
  server().hear({ type: "presence", room: "main", online: 2, joined: [{ id: "9", name: "Ann" }], left: [] });
  comeBack();
  assert.deepEqual([room.online, room.people.size], [2, 1]);
  told.length = 0;
  server().lose(4503);
  assert.deepEqual([only(told, "people").length, room.online, room.people.size], [1, 0, 0]);
});

test("room that is left is told of nothing more, and not joined again", async () => {
  const { server, room, told, client, comeBack } = await inMain();
  room.leave();
  assert.deepEqual(server().take(), [{ type: "leave", room: "main" }]);
  assert.equal(room.joined, false);
  server().hear({ type: "left", room: "main" }, message(8));
  comeBack();
  assert.deepEqual([server().take(), told, client.seen], [[], [], {}]);
});

test("who is here is kept", async () => {
  const { server, room } = await inMain();
  const [ann, bob] = [{ id: "9", name: "Ann" }, { id: "8", name: "Bob" }];
  server().hear({ type: "presence", room: "main", online: 3, joined: [ann, bob], left: [] });
  server().hear({ type: "presence", room: "main", online: 2, joined: [{ ...bob, name: "Rob" }], left: [ann] });
  assert.deepEqual([room.online, [...room.people.values()]], [2, [{ id: "8", name: "Rob" }]]);
});

// Posts

test("posts go out one at a time, and in their order", async () => {
  const { server, room } = await inMain();
  const ids = ["a", "b", "c"].map((text) => room.post(text).id);
  assert.deepEqual(server().take(), [{ type: "post", room: "main", text: "a", id: ids[0] }]);
  server().hear(ack(8, ids[0]));
  assert.deepEqual(server().take().map(({ text }) => text), ["b"]);
  server().hear(own(8, ids[0]));
  assert.deepEqual(server().take(), [], "it was answered already");
  server().hear(own(9, ids[1]));
  assert.deepEqual(server().take().map(({ text }) => text), ["c"]);
  server().hear(ack(9, ids[1]));
  assert.deepEqual(server().take(), []);
  assert.deepEqual(waiting(room), [["c", "waiting"]]);
});

for (const first of ["ack", "message"]) {
  test(`post is settled by its ${first}, and is seen once all along`, async () => {
    const { server, room, told, storage } = await inMain();
    const { id } = room.post("hi");
    told.length = 0;
    const answers = [ack(8, id), own(8, id)];
    for (const answer of first === "ack" ? answers : answers.reverse()) {
      server().hear(answer);
      assert.deepEqual(storage.all, {});
      const inLog = only(told, "log").length;
      assert.equal(inLog + room.outbox.posts.length, 1);
    }
    assert.ok(only(told, "outbox").length > 0, "whoever shows what waits has heard of it");
    assert.equal(only(told, "log").length, 1);
  });
}

test("post is gone from the outbox when the log has it", async () => {
  const { server, room } = await inMain();
  const { id } = room.post("hi");
  /** @type {unknown[]} */
  const seen = [];
  room.on("log", () => seen.push(room.outbox.posts.length));
  server().hear(own(8, id), message(9));
  assert.deepEqual(seen, [0, 0]);
});

test("post that was under way comes again under its id after a loss, and the rest after it", async () => {
  const { server, room, comeBack } = await inMain();
  const { id } = room.post("a");
  room.post("b");
  server().take();
  comeBack();
  room.post("c");
  const [{ ref }, ...none] = server().take();
  assert.deepEqual(none, [], "not before the room is joined");
  server().hear(joined({ head: 8, recovered: true, ref }), own(8, id, "a"));
  assert.deepEqual(server().take().map(({ type, text, id: same }) => [type, text, same === id]), [["post", "a", true], ["post", "b", false]]);
  server().hear(ack(8, id, true));
  assert.deepEqual(server().take(), [], "that one is answered already");
  assert.deepEqual(waiting(room), [["b", "waiting"], ["c", "waiting"]]);
});

test("post that was stored long ago is not waited for in the log", async () => {
  const { server, room, storage } = await inMain(7);
  const { id } = room.post("a");
  server().hear(ack(5, id, true));
  assert.deepEqual([room.outbox.posts, storage.all], [[], {}]);
});

test("post that was stored is not shown as such when the log begins anew", async () => {
  const { server, room, comeBack } = await inMain();
  const { id } = room.post("a");
  server().hear(ack(8, id));
  assert.deepEqual(waiting(room), [["a", "stored"]]);
  comeBack();
  server().hear(joined({ epoch: "e2", head: 0, recovered: false }));
  assert.deepEqual(waiting(room), []);
});

test("posts of an earlier page are sent, before those of this one", async () => {
  const first = await inMain();
  first.room.post("a");
  const kept = first.storage.all;
  const { server, room, clock, storage } = await page({ history: 0 });
  clock.pass(5000);
  for (const [key, value] of Object.entries(kept)) storage.setItem(key, value);
  room.post("b");
  server().hear(joined({ head: 7, ref: server().take()[0].ref }));
  const [{ text, id }] = server().take();
  assert.equal(text, "a");
  server().hear(ack(8, id));
  assert.deepEqual(server().take().map(({ text }) => text), ["b"]);
});

test("what another tab has not sent after a while is sent here as well, unless that was left", async () => {
  const tab = new EventTarget();
  globals({ addEventListener: tab.addEventListener.bind(tab) });
  const { server, room, clock } = await inMain();
  server().take();
  const elsewhere = new Outbox("main");
  const { id } = elsewhere.add("hello", ME.id);
  const tell = () => tab.dispatchEvent(Object.assign(new Event("storage"), { key: `chat.post.main.${id}` }));
  tell();
  clock.pass(4000);
  tell();
  clock.pass(4000);
  assert.deepEqual([server().take(), waiting(room)], [[], []]);
  clock.pass(1000);
  assert.deepEqual(server().take().map(({ type, text, id }) => [type, text, id]), [["post", "hello", id]]);
  server().hear({ type: "error", code: "too_long", detail: "", id });
  assert.deepEqual(waiting(room), [["hello", "failed"]]);
  elsewhere.remove(id);
  tell();
  assert.deepEqual(waiting(room), [], "it was taken back there");
  elsewhere.add("late", ME.id);
  tell();
  room.leave();
  server().take();
  clock.pass(9000);
  assert.deepEqual([server().take(), waiting(room)], [[], []]);
});

test("post that is too fast waits as long as it is told, and keeps its place", async () => {
  const { server, room, told, clock } = await inMain();
  const { id } = room.post("a");
  room.post("b");
  server().take();
  told.length = 0;
  const error = { type: "error", code: "rate_limited", detail: "slow down", id, retry_after: 2.5 };
  server().hear(error);
  assert.deepEqual(told, [["trouble", error]]);
  clock.pass(2499);
  assert.deepEqual(server().take(), []);
  clock.pass(1);
  assert.deepEqual(server().take().map(({ text }) => text), ["a"]);
  server().hear({ type: "error", code: "unavailable", detail: "", id });
  assert.equal(told.at(-1)?.[1].retry_after, 2, "whoever shows it knows how long");
  clock.pass(2000);
  assert.deepEqual(server().take().map(({ text }) => text), ["a"]);
  server().hear(ack(8, id));
  assert.deepEqual(server().take().map(({ text }) => text), ["b"]);
});

test("post that waits is sent though the room is joined anew meanwhile", async () => {
  const { server, room, clock } = await inMain();
  const { id } = room.post("a");
  server().hear({ type: "error", code: "rate_limited", detail: "", id, retry_after: 3 });
  server().take();
  server().hear(message(10));
  server().hear(joined({ head: 10, recovered: true }), message(8), message(9), message(10));
  server().take();
  clock.pass(3000);
  assert.deepEqual(server().take().map(({ text }) => text), ["a"]);
});

test("post that waits is not sent twice where the connection comes back meanwhile", async () => {
  const { server, room, clock, comeBack } = await inMain();
  const { id } = room.post("a");
  server().hear({ type: "error", code: "rate_limited", detail: "", id, retry_after: 40 });
  comeBack();
  server().hear(joined({ head: 7, recovered: true }));
  assert.deepEqual(server().take().map(({ type }) => type), ["join", "post"]);
  clock.pass(15_000);
  assert.deepEqual(server().take(), []);
});

test("post that is refused stays with the reason, and does not hold up others", async () => {
  const { server, room, told } = await inMain();
  const { id } = room.post("a");
  room.post("b");
  server().take();
  const error = { type: "error", code: "too_long", detail: "the message is too long", id };
  server().hear(error);
  assert.deepEqual(only(told, "trouble"), [error]);
  assert.deepEqual(waiting(room), [["a", "failed"], ["b", "waiting"]]);
  assert.deepEqual(server().take().map(({ text }) => text), ["b"]);
});

test("post that was refused is sent again only when that is asked for, under its id", async () => {
  const { server, room, comeBack } = await inMain();
  const { id } = room.post("a");
  server().hear({ type: "error", code: "forbidden", detail: "", id });
  comeBack();
  server().hear(joined({ head: 7, recovered: true }));
  assert.deepEqual(server().take().map(({ type }) => type), ["join"]);
  room.retry("no such post");
  room.retry(id);
  assert.deepEqual(server().take(), [{ type: "post", room: "main", text: "a", id }]);
});

test("post that is given up is handed back, and forgotten", async () => {
  const { server, room, storage } = await inMain();
  const { id } = room.post("a");
  server().hear({ type: "error", code: "forbidden", detail: "", id });
  assert.equal(room.discard(id)?.text, "a");
  assert.equal(room.discard(id), undefined);
  assert.deepEqual([room.outbox.posts, storage.all], [[], {}]);
});

for (const code of ["rate_limited", "forbidden"]) {
  test(`post that is given up while it is under way holds up none, also where it is answered ${code}`, async () => {
    const { server, room } = await inMain();
    const { id } = room.post("a");
    room.post("b");
    room.discard(id);
    server().take();
    server().hear({ type: "error", code, detail: "", id });
    assert.deepEqual(server().take().map(({ text }) => text), ["b"]);
  });
}

test("post of another sender under the same id is not one's own", async () => {
  const { server, room } = await inMain();
  const { id } = room.post("a");
  server().hear(message(8, { id }));
  assert.deepEqual(waiting(room), [["a", "waiting"]]);
});

// Other commands

test("typing is told every three seconds, where one is, and anew after a post", async () => {
  const { server, room, clock, comeBack } = await inMain();
  const types = () => server().take().map(({ type }) => type);
  room.typing();
  clock.pass(2999);
  room.typing();
  assert.deepEqual(types(), ["typing"]);
  clock.pass(1);
  room.typing();
  room.post("a");
  room.typing();
  assert.deepEqual(types(), ["typing", "post", "typing"]);
  comeBack();
  server().take();
  room.typing();
  assert.deepEqual(types(), []);
});

test("others' typing is told", async () => {
  const { server, told } = await inMain();
  server().hear({ type: "typing", room: "main", sender: { id: "9", name: "Ann" } });
  assert.deepEqual(told, [["typing", { id: "9", name: "Ann" }]]);
});

test("edit, delete and history are asked for by the message, and answered", async () => {
  const { server, room } = await inMain();
  const answers = [room.edit(3, "b"), room.delete(3), room.history(9), room.history(9, 10)];
  const sent = server().take();
  assert.deepEqual(sent.map(({ ref, ...command }) => command), [
    { type: "edit", room: "main", seq: 3, text: "b" },
    { type: "delete", room: "main", seq: 3 },
    { type: "history", room: "main", before: 9, limit: 50 },
    { type: "history", room: "main", before: 9, limit: 10 },
  ]);
  const replies = [
    { type: "ack", room: "main", target: 3, seq: 8, ref: sent[0].ref },
    { type: "ack", room: "main", target: 3, seq: 9, ref: sent[1].ref },
    { type: "history", room: "main", messages: [message(8)], more: true, ref: sent[2].ref },
    { type: "history", room: "main", messages: [], more: false, ref: sent[3].ref },
  ];
  server().hear(...[...replies].reverse());
  assert.deepEqual(await Promise.all(answers), replies);
  await turns();
});
