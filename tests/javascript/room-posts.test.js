import assert from "node:assert/strict";
import { test } from "node:test";

import { Outbox } from "../../chat/static/chat/outbox.js";
import { globals, joined, message } from "./fakes.js";
import { ME, ack, inMain, only, own, page, waiting } from "./rooms.js";

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
  assert.deepEqual(room.outbox.posts, []);
  assert.deepEqual(Object.keys(storage.all), [`chat.taken-back.main.${id}`], "for other tabs that have it");
});

test("post that is taken back in another tab is not sent here when the connection comes back", async () => {
  const { server, room, comeBack } = await inMain();
  const { id } = room.post("a");
  room.post("b");
  const elsewhere = new Outbox("main");
  elsewhere.load(ME.id);
  elsewhere.fail(elsewhere.posts[0], "forbidden");
  elsewhere.takeBack(id);
  comeBack();
  server().hear(joined({ head: 7, recovered: true }));
  assert.deepEqual(server().take().map(({ type, text }) => [type, text]), [["join", undefined], ["post", "b"]]);
  assert.deepEqual(waiting(room), [["b", "waiting"]]);
});

test("post that is taken back in another tab goes at once, also without a connection", async () => {
  const tab = new EventTarget();
  globals({ addEventListener: tab.addEventListener.bind(tab) });
  const { server, room, told } = await inMain();
  server().lose();
  const { id } = room.post("a");
  const elsewhere = new Outbox("main");
  elsewhere.load(ME.id);
  const tell = () => tab.dispatchEvent(Object.assign(new Event("storage"), { key: `chat.post.main.${id}` }));
  elsewhere.remove(id);
  tell();
  assert.deepEqual(waiting(room), [["a", "waiting"]], "it was stored there, and will be in the log");
  elsewhere.takeBack(id);
  told.length = 0;
  tell();
  assert.deepEqual([waiting(room), told], [[], [["outbox", undefined]]]);
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

test("posts too big for a frame are refused here, and hold up none", async () => {
  const { client, server, room } = await inMain();
  assert.ok(client.limits);
  client.limits.frame = 200;
  const { id } = room.post("a");
  for (const text of ["b".repeat(200), "c".repeat(200), "d"]) room.post(text);
  server().take();
  server().hear(ack(8, id));
  assert.deepEqual(server().take().map(({ text }) => text), ["d"]);
  assert.deepEqual(room.outbox.posts.map(({ state }) => state), ["stored", "failed", "failed", "waiting"]);
});

test("post of another sender under the same id is not one's own", async () => {
  const { server, room } = await inMain();
  const { id } = room.post("a");
  server().hear(message(8, { id }));
  assert.deepEqual(waiting(room), [["a", "waiting"]]);
});
