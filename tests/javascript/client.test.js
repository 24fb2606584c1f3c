import assert from "node:assert/strict";
import { test } from "node:test";

import { Client, Refusal } from "../../chat/static/chat/client.js";
import { WELCOME, browser, joined, message, turns } from "./fakes.js";
import { assertGolden, events as golden } from "./golden.js";

/** @import { Event, State } from "../../chat/static/chat/types.js" */

/** @param {string[]} rooms that are joined */
async function page(...rooms) {
  const world = browser();
  const client = new Client();
  for (const room of rooms) client.join(room, { history: 0 });
  /** @type {[State, number | undefined][]} */
  const states = [];
  client.on("state", ({ state, code }) => states.push([state, code]));
  await client.open();
  const server = () => world.sockets[world.sockets.length - 1];
  return { ...world, client, states, server };
}

/** @param {Promise<unknown>} asked */
async function refusalOf(asked) {
  const found = await asked.then(() => undefined, (error) => error);
  assert.ok(found instanceof Refusal);
  return found;
}

// Golden frames

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
  left: ({ room, reason }, { client, told }) => {
    assert.equal(client.rooms.get(room)?.joined, false);
    assert.ok(told.some(([name, value, of]) => name === "left" && of === room && value.reason === reason));
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

// Connections

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
