import assert from "node:assert/strict";
import { test } from "node:test";

import { page } from "./clients.js";
import { WELCOME, joined, message } from "./fakes.js";
import { assertGolden, events as golden } from "./golden.js";

/**
 * What an event does, by its type. `seen` is what a client told while it heard the event's frame.
 * @typedef {Awaited<ReturnType<typeof hear>>} Seen
 * @type {Record<string, (event: any, seen: Seen) => void>}
 */
const EFFECTS = {
  welcome: ({ sender, limits }, { client, told }) => {
    assert.ok(told.some(([name, value]) => name === "me" && value.id === sender.id));
    assert.deepEqual([client.me, client.limits], [sender, limits]);
  },
  joined: ({ room, title, epoch, online, members, recovered, may = [], code }, { client, told }) => {
    const found = client.rooms.get(room);
    assert.deepEqual([...(found?.may ?? [])], may);
    if (code) assert.ok(told.some(([name, value]) => name === "rights" && value.code === code));
    assert.deepEqual([found?.joined, found?.title, found?.epoch, found?.online], [true, title, epoch, online]);
    assert.deepEqual([...(found?.people.values() ?? [])], members);
    assert.ok(told.some(([name, value, of]) => name === "joined" && of === room && value.fresh === !recovered));
  },
  message: logged,
  edited: logged,
  deleted: logged,
  ack: ({ room, id }, { client, storage }) => {
    if (!id) return;
    assert.equal(client.rooms.get(room)?.outbox.find(id)?.state, "stored");
    assert.ok(!Object.keys(storage.all).some((key) => key.endsWith(id)));
  },
  left: ({ room, reason, ref }, { client, told }) => {
    const heard = told.some(([name, value, of]) => name === "left" && of === room && value.reason === reason);
    // One that answers a `leave` is of a room that is forgotten.
    assert.equal(heard, ref === undefined);
    if (heard) assert.equal(client.rooms.get(room)?.joined, false);
  },
  rights: ({ room, may, code, until, reason }, { client, told }) => {
    assert.deepEqual([...(client.rooms.get(room)?.may ?? [])], may);
    const [, silence] = told.find(([name, , of]) => name === "rights" && of === room) ?? [];
    assert.deepEqual(silence, { code, until, reason });
  },
  moderated: onlyAnswers,
  history: onlyAnswers,
  rooms: onlyAnswers,
  live: onlyAnswers,
  renamed: ({ sender }, { told }) => {
    assert.ok(told.some(([name, value]) => name === "me" && value.name === sender.name));
  },
  presence: ({ room, online, joined, left }, { told, client }) => {
    assert.ok(told.some(([name, value, of]) => name === "people" && of === room && value === online));
    const people = client.rooms.get(room)?.people;
    for (const sender of joined) assert.deepEqual(people?.get(sender.id), sender);
    for (const { id } of left) assert.ok(!people?.has(id));
  },
  typing: ({ room, sender }, { told }) => {
    assert.deepEqual(told.filter(([name]) => name === "typing"), [["typing", sender, room]]);
  },
  notice: (event, { told }) => {
    assert.equal(told.filter(([name, value]) => name === "notice" && value.text === event.text).length, 1);
  },
  ping: (_, { sent }) => {
    assert.deepEqual(sent, [{ type: "pong", seen: {} }]);
  },
  error: ({ id, code, retry_after }, { told, client }) => {
    if (!id) return;
    const trouble = told.find(([name, value]) => name === "trouble" && value.id === id && value.code === code);
    const passing = retry_after !== undefined;
    assert.equal(trouble?.[1].retry_after, retry_after);
    const post = client.rooms.get("main")?.outbox.find(id);
    assert.deepEqual([post?.state, post?.code], passing ? ["waiting", undefined] : ["failed", code]);
  },
};

/** @param {any} event @param {Seen} seen */
function logged(event, { told }) {
  assert.equal(told.filter(([name, value]) => name === "log" && value.seq === event.seq).length, 1);
  assert.ok(told.some(([name, value, room]) => name === "log" && room === event.room && isDeepEqual(value, event)));
}

/** @param {any} event @param {Seen} seen */
function onlyAnswers({ type }, { told }) {
  assert.ok(!told.some(([, value]) => value?.type === type));
}

/** @param {unknown} one @param {unknown} other */
const isDeepEqual = (one, other) => JSON.stringify(one) === JSON.stringify(other);

/**
 * A client that is in the rooms of a frame, just before its events, with the posts that it answers;
 * then it hears the frame.
 * @param {any[]} frame
 */
async function hear(frame) {
  const { client, server, storage, clock } = await page();
  const rooms = new Set(["main", ...frame.flatMap(({ room }) => room ?? [])]);
  for (const room of rooms) {
    for (const { id, type } of frame) {
      if (!id || (type === "ack" ? room !== "main" : type !== "error" || room !== "main")) continue;
      storage.setItem(`chat.post.main.${id}`, JSON.stringify({ id, text: "x", at: clock.now, me: "7", state: "waiting" }));
    }
    client.join(room);
  }
  server().hear(WELCOME);
  for (const room of rooms) {
    const first = frame.find((event) => event.room === room && ["message", "edited", "deleted", "ack"].includes(event.type))?.seq;
    const fresh = frame.some((event) => event.room === room && event.type === "joined");
    if (!fresh) server().hear(joined({ room, head: (first ?? 1) - 1, recovered: null }));
  }
  /** @type {[string, any, string?][]} */
  const told = [];
  client.on("me", (value) => told.push(["me", value]));
  client.on("notice", (value) => told.push(["notice", value]));
  for (const [slug, room] of client.rooms) {
    for (const name of /** @type {const} */ (["joined", "log", "typing", "trouble", "rights", "left"])) {
      room.on(name, (value) => told.push([name, value, slug]));
    }
    room.on("people", () => told.push(["people", room.online, slug]));
  }
  // Each reply answers something: the same promise is kept or broken by it.
  const answers = frame.map((event) => {
    if (event.ref === undefined) return undefined;
    const asked = client.ask({ type: "rooms" });
    return { asked: asked.then((reply) => ({ reply }), (refusal) => ({ refusal })), ref: server().sent.at(-1).ref };
  });
  server().take();
  const heard = frame.map((event, index) => (answers[index] ? { ...event, ref: answers[index]?.ref } : event));
  server().hear(...heard);
  const sent = server().take();
  const replies = await Promise.all(answers.map((answer) => answer?.asked));
  return { client, told, sent, storage, heard, replies };
}

for (const { about, frame } of golden) {
  test(`golden: ${about}`, async () => {
    const seen = await hear(frame);
    for (const event of seen.heard) EFFECTS[event.type](event, seen);
    for (const [index, event] of seen.heard.entries()) {
      if (event.ref === undefined) continue;
      const { reply, refusal } = /** @type {any} */ (seen.replies[index]);
      if (event.type === "error") assert.deepEqual([refusal.code, refusal.message], [event.code, event.detail]);
      else assert.deepEqual(reply, event);
    }
  });
}

test("every type of event has its effect here", () => {
  const types = new Set(golden.flatMap(({ frame }) => frame.map(({ type }) => type)));
  assert.deepEqual([...types].sort(), Object.keys(EFFECTS).sort());
});

test("whatever comes around an event, others in the frame have their effect", async () => {
  const { client, server } = await page("main");
  server().hear(WELCOME);
  /** @type {number[]} */
  const told = [];
  client.join("main").on("log", ({ seq }) => told.push(seq));
  server().hear(joined({ head: 7 }), { type: "dance" }, { type: "error", code: "bad_frame", detail: "" }, { type: "typing", room: "other" });
  server().hear({ type: "ack", room: "main", seq: 1, id: "no such post" }, message(8), message(1, { room: "other" }), message(9));
  assert.deepEqual(told, [8, 9]);
});

test("commands of another shape than the golden ones are noticed", () => {
  assertGolden({ type: "join", room: "main", after: { epoch: "e", seq: 1 }, ref: 1 });
  for (const command of [
    { type: "dance" },
    { type: "join" },
    { type: "join", room: 5 },
    { type: "join", room: "main", before: 5 },
    { type: "join", room: "main", after: { epoch: "e", seq: "1" } },
    { type: "join", room: "main", after: { epoch: "e", seq: 1, x: 1 } },
    { type: "edit", room: "main", seq: 1.5, text: "" },
    { type: "post", room: "main", text: "x" },
    { type: "rooms", colour: "green" },
    { type: "rooms", ref: null },
    { type: "pong", seen: { main: "7" } },
  ]) assert.throws(() => assertGolden(command), JSON.stringify(command));
});
