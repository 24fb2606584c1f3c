import assert from "node:assert/strict";
import { test } from "node:test";

import { Stream } from "../../chat/static/chat/stream.js";
import { WELCOME, browser, joined, message, seeded, turns } from "./fakes.js";

/** @import { Event } from "../../chat/static/chat/types.js" */

/** A stream that is open, and what was heard of it: events, "ready", or the code of its end. */
async function opened() {
  const { requests } = browser();
  /** @type {any[]} */
  const heard = [];
  const stream = new Stream("/rooms/", "secret", {
    ready: () => heard.push("ready"),
    events: (events) => heard.push(...events),
    closed: (code) => heard.push(code),
  });
  await turns();
  assert.deepEqual(heard.splice(0), ["ready"]);
  const last = () => requests[requests.length - 1];
  return { stream, heard, requests, last };
}

/** A stream on which one room was joined, up to seq 3. */
async function inMain() {
  const page = await opened();
  page.stream.send([{ type: "join", room: "main", history: 2, ref: 1 }]);
  await turns();
  await page.last().stream();
  await page.last().frame([WELCOME, joined({ head: 3 })], "e1:1");
  await page.last().frame([message(2), message(3)], "e1:3");
  page.heard.length = 0;
  return page;
}

/** @param {any[]} events */
const types = (events) => events.map((event) => event.type ?? event);

test("is ready at once, but not before whoever made it knows it", () => {
  browser();
  let ready = false;
  new Stream("/rooms/", "", { ready: () => void (ready = true), events() {}, closed() {} });
  assert.equal(ready, false);
});

test("fresh join asks for history, without an empty word", async () => {
  const { stream, requests } = await opened();
  stream.send([{ type: "join", room: "käse", history: 0, ref: 1 }, { type: "join", room: "main", ref: 2 }]);
  await turns();
  assert.deepEqual(requests.map(({ path }) => path), ["/rooms/käse/events", "/rooms/main/events"]);
  assert.deepEqual(requests.map(({ query }) => query), [{ history: "0", seconds: "60" }, { seconds: "60" }]);
  assert.equal(requests[0].headers.Accept, "text/event-stream");
});

test("join that resumes asks for what came after its position", async () => {
  const { stream, last } = await opened();
  stream.send([{ type: "join", room: "main", after: { epoch: "e1", seq: 7 }, ref: 1 }]);
  await turns();
  assert.deepEqual(last().query, { after: "e1:7", seconds: "60" });
});

test("events are heard as they come; only the first `joined` answers the join", async () => {
  const { stream, heard, last } = await opened();
  stream.send([{ type: "join", room: "main", ref: 1 }]);
  await turns();
  await last().stream();
  assert.equal(heard.length, 0);
  await last().frame([WELCOME, joined()], "e1:0");
  assert.deepEqual(heard.splice(0), [WELCOME, { ...joined(), ref: 1 }]);
  await last().frame([message(1)], "e1:1");
  await last().frame([{ type: "ping" }]);
  assert.deepEqual(heard.splice(0), [message(1), { type: "ping" }]);
  await last().frame([joined({ epoch: "e2", recovered: false })], "e2:0");
  assert.equal(heard[0].ref, undefined);
});

test("words for the whole site, which come with every room, are heard once", async () => {
  const { stream, heard, requests } = await opened();
  stream.send([{ type: "join", room: "main", ref: 1 }, { type: "join", room: "tea", ref: 2 }]);
  await turns();
  for (const request of requests) await request.stream();
  /** @param {object} about */
  const notice = (about) => ({ type: "notice", text: "soon", level: "info", ...about });
  for (const request of requests) await request.frame([notice({})]);
  assert.deepEqual(heard.splice(0), [notice({})]);
  for (const room of ["main", "tea"]) await requests[1].frame([notice({ room })]);
  assert.equal(heard.splice(0).length, 2);
  stream.send([{ type: "leave", room: "main" }]);
  heard.length = 0;
  await requests[1].frame([notice({})]);
  assert.deepEqual(heard, [notice({})]);
});

test("plain end is read on from at once, from the last position", async () => {
  const { heard, requests, last } = await inMain();
  await last().frame([{ type: "ping" }]);
  await last().end();
  assert.equal(requests.length, 2);
  assert.deepEqual(last().query, { history: "2", after: "e1:3", seconds: "60" });
  await last().stream();
  await last().frame([joined({ recovered: true, head: 4 })], "e1:3");
  await last().frame([message(4)], "e1:4");
  await last().end();
  assert.deepEqual(last().query, { history: "2", after: "e1:4", seconds: "60" });
  assert.deepEqual(types(heard), ["ping", "joined", "message"]);
});

test("half a message at the end is not heard, but comes again", async () => {
  const { heard, last } = await inMain();
  await last().write('id: e1:4\ndata: [{"type":"message","seq":4');
  await last().end();
  assert.deepEqual(heard, []);
  assert.equal(last().query.after, "e1:3");
});

test("server that closes says how", async () => {
  const { heard, requests, last } = await inMain();
  await last().write('event: close\ndata: {"code": 4002}\n\n');
  await last().end();
  assert.deepEqual(heard, [4002]);
  assert.equal(requests.length, 1);
});

test("network that fails is a loss, of a stream as of a request", async () => {
  const streaming = await inMain();
  streaming.last().cut();
  await turns();
  assert.deepEqual(streaming.heard, [1006]);

  const asking = await opened();
  asking.stream.send([{ type: "join", room: "main", ref: 1 }]);
  await turns();
  asking.last().fail(new TypeError("network error"));
  await turns();
  assert.deepEqual(asking.heard, [1006]);
});

test("site whose HTTP has no chat is a loss, so that the other way is tried", async () => {
  const { stream, heard, last } = await opened();
  stream.send([{ type: "join", room: "main", ref: 5 }]);
  await turns();
  await last().answer({ type: "error", code: "unavailable", detail: "WSGI" }, 501);
  assert.deepEqual(heard, [1006]);
});

for (const [status, code] of /** @type {[number, string][]} */ ([
  [400, "bad_command"], [403, "forbidden"], [404, "unknown_room"], [429, "rate_limited"], [503, "unavailable"],
])) {
  test(`join that is refused with ${status} is answered ${code}`, async () => {
    const { stream, heard, requests, last } = await opened();
    stream.send([{ type: "join", room: "main", ref: 5 }]);
    await turns();
    assert.ok(!stream.idle);
    await last().answer({ type: "error", code, detail: "so", retry_after: 3 }, status);
    assert.deepEqual(heard, [{ type: "error", code, detail: "so", retry_after: 3, ref: 5 }]);
    assert.equal(requests.length, 1);
    assert.ok(stream.idle);
  });
}

test("room that cannot be read on is a loss, as the join was answered long ago", async () => {
  const { heard, last } = await inMain();
  await last().end();
  await last().answer({ type: "error", code: "unavailable", detail: "" }, 503);
  assert.deepEqual(heard, [1006]);
});

test("page that is no stream is a loss, not asked for for ever", async () => {
  const { stream, heard, requests, last } = await opened();
  stream.send([{ type: "join", room: "main", ref: 1 }]);
  await turns();
  await last().page("<h1>Sign in to the hotel</h1>\n\n", 200);
  assert.deepEqual([heard, requests.length], [[1006], 1]);
});

test("page that refuses a join is an answer, one of a broken server a loss", async () => {
  for (const [status, wanted] of /** @type {const} */ ([[403, "forbidden"], [404, "forbidden"], [429, "rate_limited"], [502, undefined]])) {
    const { stream, heard, last } = await opened();
    stream.send([{ type: "join", room: "main", ref: 1 }]);
    await turns();
    await last().page("<h1>no</h1>", status);
    assert.deepEqual(heard, wanted ? [{ type: "error", code: wanted, detail: "", ref: 1 }] : [1006]);
  }
});

test("room that one was taken out of is not asked for again", async () => {
  const { stream, heard, requests, last } = await inMain();
  await last().frame([{ type: "left", room: "main" }]);
  assert.deepEqual(types(heard), ["left"]);
  assert.ok(stream.idle && last().signal.aborted);
  assert.equal(requests.length, 1);
});

test("room that is left is read no more, and that is told", async () => {
  const { stream, heard, requests, last } = await inMain();
  stream.send([{ type: "leave", room: "main", ref: 8 }]);
  await turns();
  assert.deepEqual(heard, [{ type: "left", room: "main", ref: 8 }]);
  assert.ok(stream.idle && last().signal.aborted);
  assert.equal(requests.length, 1);
});

test("room that is joined again is read once", async () => {
  const { stream, heard, requests } = await inMain();
  stream.send([{ type: "join", room: "main", after: { epoch: "e1", seq: 2 }, ref: 9 }]);
  await turns();
  assert.deepEqual(requests.map(({ signal }) => signal.aborted), [true, false]);
  await requests[1].stream();
  await requests[1].frame([joined({ recovered: true })], "e1:2");
  assert.deepEqual(heard, [joined({ recovered: true, ref: 9 })]);
});

// What is said

test("post goes to its room, with the token", async () => {
  const { stream, heard, last } = await inMain();
  assert.equal(stream.send([{ type: "post", room: "käse", text: "hi", id: "a" }, { type: "pong", seen: {} }]), true);
  const { method, path, headers, body, answer } = last();
  assert.deepEqual([method, path], ["POST", "/rooms/käse/messages"]);
  assert.deepEqual(headers, { "Content-Type": "application/json", "X-CSRFToken": "secret" });
  assert.deepEqual(body, { type: "post", room: "käse", text: "hi", id: "a" });
  await answer.call(last(), [{ type: "ack", room: "käse", id: "a", seq: 4, duplicate: false }]);
  assert.deepEqual(types(heard), ["ack"]);
  assert.equal(heard[0].seq, 4);
});

test("what is of no room goes to the main one, and is answered by its ref", async () => {
  const { stream, heard, last } = await opened();
  stream.send([{ type: "rooms", seen: { main: 3 }, ref: 4 }]);
  assert.equal(last().path, "/rooms/main/messages");
  await last().answer([{ type: "rooms", rooms: [], ref: 4 }]);
  assert.deepEqual(heard, [{ type: "rooms", rooms: [], ref: 4 }]);
});

test("typing is answered by nothing", async () => {
  const { stream, heard, last } = await inMain();
  stream.send([{ type: "typing", room: "main" }]);
  await last().answer([]);
  assert.deepEqual(heard, []);
});

test("refusal of a post says of which, also where the server could not read that far", async () => {
  const { stream, heard, last } = await inMain();
  stream.send([{ type: "post", room: "main", text: "hi", id: "a" }]);
  await last().answer([{ type: "error", code: "unavailable", detail: "stops" }], 503);
  assert.deepEqual(heard.map(({ type, code, id }) => [type, code, id]), [["error", "unavailable", "a"]]);
  stream.send([{ type: "edit", room: "main", seq: 1, text: "hi", ref: 7 }]);
  await last().answer([{ type: "error", code: "forbidden", detail: "" }], 403);
  assert.deepEqual([heard[1].ref, heard[1].id], [7, undefined]);
});

test("post without a token that counts is refused, not sent for ever", async () => {
  const { stream, heard, last } = await inMain();
  stream.send([{ type: "post", room: "main", text: "hi", id: "a" }]);
  await last().page("<!doctype html><h1>Forbidden</h1><p>CSRF verification failed.", 403);
  assert.deepEqual(heard.map(({ code, id }) => [code, id]), [["forbidden", "a"]]);
});

test("post that nothing, or a broken server, answers is a loss", async () => {
  const failing = await inMain();
  failing.stream.send([{ type: "post", room: "main", text: "hi", id: "a" }]);
  failing.last().fail(new TypeError("network error"));
  await turns();
  assert.deepEqual(failing.heard, [1006]);

  const broken = await inMain();
  broken.stream.send([{ type: "post", room: "main", text: "hi", id: "a" }]);
  await broken.last().page("<h1>Bad gateway</h1>", 502);
  assert.deepEqual(broken.heard, [1006]);
});

test("stream that was closed asks for nothing and is silent", async () => {
  const { stream, heard, requests } = await inMain();
  stream.send([{ type: "post", room: "main", text: "hi", id: "a" }, { type: "rename", name: "Ann", ref: 2 }]);
  stream.close();
  await turns();
  assert.deepEqual(requests.map(({ signal }) => signal.aborted), [true, true, true]);
  assert.deepEqual(heard, []);
  assert.equal(requests.length, 3);
});

// Names

/** @param {number} ref */
const renamed = (ref) => [{ type: "renamed", sender: { id: "7", name: "Zoë" }, ref }];

test("name is asked for, then all rooms are read by it, from where they are", async () => {
  const { stream, heard, requests } = await inMain();
  stream.send([{ type: "rename", name: "Zoë", ref: 6 }]);
  assert.deepEqual(requests[1].body, { type: "rename", name: "Zoë", ref: 6 });
  assert.equal(requests[1].path, "/rooms/main/messages");
  assert.ok(!requests[0].signal.aborted, "it may be refused");
  await requests[1].answer(renamed(6));
  assert.deepEqual(heard.splice(0), renamed(6));
  assert.ok(requests[0].signal.aborted);
  assert.deepEqual(requests[2].query, { history: "2", after: "e1:3", name: "Zoë", seconds: "60" });
  await requests[2].stream();
  await requests[2].frame([WELCOME, joined({ recovered: true })], "e1:3");
  assert.deepEqual(types(heard), ["welcome", "joined"]);
  await requests[2].end();
  assert.equal(requests[3].query.name, "Zoë");
  stream.send([{ type: "post", room: "main", text: "hi", id: "a" }, { type: "rename", name: "Ann", ref: 7 }]);
  assert.deepEqual(requests.slice(4).map(({ body }) => body.name), ["Zoë", "Ann"]);
});

test("name that is refused changes nothing", async () => {
  const { stream, heard, requests } = await inMain();
  stream.send([{ type: "rename", name: "Zoë", ref: 6 }]);
  await requests[1].answer([{ type: "error", code: "forbidden", detail: "" }], 403);
  assert.deepEqual(heard, [{ type: "error", code: "forbidden", detail: "", ref: 6 }]);
  assert.ok(!requests[0].signal.aborted);
  await requests[0].end();
  assert.deepEqual(requests[2].query, { history: "2", after: "e1:3", seconds: "60" });
});

test("name that nothing answers is a loss", async () => {
  const { stream, heard, last } = await inMain();
  stream.send([{ type: "rename", name: "Zoë", ref: 6 }]);
  last().fail(new TypeError("network error"));
  await turns();
  assert.deepEqual(heard, [1006]);
});

test("rooms are not joined before the name is known, nor by another one", async () => {
  for (const refused of [false, true]) {
    const { stream, heard, requests } = await opened();
    stream.send([{ type: "rename", name: "Zoë", ref: 1 }, { type: "join", room: "main", history: 5, ref: 2 }]);
    await turns();
    assert.equal(requests.length, 1);
    await requests[0].answer(refused ? [{ type: "error", code: "forbidden", detail: "" }] : renamed(1));
    const { query } = requests[1];
    assert.deepEqual(query, { history: "5", seconds: "60", ...(!refused && { name: "Zoë" }) });
    await requests[1].stream();
    await requests[1].frame([WELCOME, joined()], "e1:0");
    assert.equal(requests.length, 2);
    assert.deepEqual(types(heard), [refused ? "error" : "renamed", "welcome", "joined"]);
    assert.equal(heard.at(-1).ref, 2);
  }
});

test("join is answered, though a new name has its stream begin anew meanwhile", async () => {
  const { stream, heard, requests } = await opened();
  stream.send([{ type: "join", room: "main", history: 5, ref: 1 }]);
  await turns();
  stream.send([{ type: "rename", name: "Zoë", ref: 2 }]);
  await requests[1].answer(renamed(2));
  assert.deepEqual(requests[2].query, { history: "5", name: "Zoë", seconds: "60" });
  await requests[2].answer({ type: "error", code: "unknown_room", detail: "" }, 404);
  assert.deepEqual(heard.slice(1).map(({ code, ref }) => [code, ref]), [["unknown_room", 1]]);
});

// Bytes

test("stream may be cut anywhere, also inside a character", async () => {
  const text = "ü € 𝄞 👩‍👩‍👧 e\u0301 \u2028 \u2029 \u0085 data: [] \\n\\n id: 5";
  const frames = [[WELCOME, joined({ title: text })], [message(1, { text })], [{ type: "ping" }], [message(2, { text: text.repeat(9) })]];
  const whole = new TextEncoder().encode(
    `retry: 500\n\n: a comment\n\n${frames.map((frame, seq) => `id: e1:${seq}\ndata: ${JSON.stringify(frame)}\n\n`).join("")}`,
  );
  const random = seeded(20260301);
  for (let round = 0; round < 60; round++) {
    const { stream, heard, requests } = await opened();
    stream.send([{ type: "join", room: "main", ref: 1 }]);
    await turns();
    await requests[0].stream("");
    const longest = 1 + random() * 2 ** (random() * 9);
    for (let at = 0; at < whole.length;) {
      const next = at + Math.ceil(random() * longest);
      requests[0].write(whole.slice(at, next));
      at = next;
    }
    await turns();
    await requests[0].end();
    const wanted = frames.flat().map((event) => (event.type === "joined" ? { ...event, ref: 1 } : event));
    assert.deepEqual(heard, wanted, `round ${round}`);
    assert.equal(requests[1].query.after, "e1:3");
  }
});
