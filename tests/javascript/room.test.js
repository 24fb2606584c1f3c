import assert from "node:assert/strict";
import { test } from "node:test";

import { joined, message, turns } from "./fakes.js";
import { inMain, listen, only, page, waiting } from "./rooms.js";

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
  assert.deepEqual(server().take().map(({ type, room }) => [type, room]), [["leave", "main"]]);
  assert.equal(room.joined, false);
  server().hear({ type: "left", room: "main" }, message(8));
  comeBack();
  assert.deepEqual([server().take(), told, client.seen], [[], [], {}]);
});

test("room that is left and joined again is not told that it was left", async () => {
  const { server, room, client } = await inMain();
  room.leave();
  const again = client.join("main");
  const told = listen(again);
  const [left, entered] = server().take();
  server().hear({ type: "left", room: "main", ref: left.ref }, joined({ ref: entered.ref }));
  assert.equal(again.joined, true);
  assert.deepEqual(only(told, "left"), []);
});

test("room that one was put out of is left, and that this is refused concerns no other", async () => {
  const { server, room, client } = await inMain();
  const tea = client.join("tea", { history: 0 });
  server().hear(joined({ room: "tea", ref: server().take()[0].ref }));
  server().hear({ type: "left", room: "main", code: "removed" });
  const told = listen(tea);
  tea.post("a");
  room.leave();
  const { ref } = server().take().find(({ type }) => type === "leave");
  server().hear({ type: "error", code: "not_joined", detail: "", ref });
  assert.deepEqual(waiting(tea), [["a", "waiting"]]);
  assert.deepEqual(only(told, "trouble"), []);
});

test("who is here is kept", async () => {
  const { server, room } = await inMain();
  const [ann, bob] = [{ id: "9", name: "Ann" }, { id: "8", name: "Bob" }];
  server().hear({ type: "presence", room: "main", online: 3, joined: [ann, bob], left: [] });
  server().hear({ type: "presence", room: "main", online: 2, joined: [{ ...bob, name: "Rob" }], left: [ann] });
  assert.deepEqual([room.online, [...room.people.values()]], [2, [{ id: "8", name: "Rob" }]]);
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

test("join that is refused after one has left is not tried again", async () => {
  const { server, room, told, clock } = await page();
  const [{ ref }] = server().take();
  room.leave();
  server().take();
  server().hear({ type: "error", code: "unavailable", detail: "", ref });
  clock.pass(19_000);
  assert.deepEqual(server().take(), []);
  assert.deepEqual(only(told, "trouble"), []);
});

test("who begins anew while a join is under way joins anew", async () => {
  const { server, room } = await page({ after: { epoch: "e1", seq: 7 } });
  const [first] = server().take();
  room.again();
  const [second] = server().take();
  assert.deepEqual([first.after, second.after], [{ epoch: "e1", seq: 7 }, undefined]);
  server().hear(joined({ head: 8, recovered: true, ref: first.ref }), joined({ head: 8, recovered: null, ref: second.ref }));
  assert.ok(room.joined);
});
