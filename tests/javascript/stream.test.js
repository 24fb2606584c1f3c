import assert from "node:assert/strict";
import { test } from "node:test";

import { Stream } from "../../chat/static/chat/stream.js";
import { WELCOME, browser, joined, message, seeded, turns } from "./fakes.js";
import { inMain, opened, types } from "./streams.js";

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

test("stream that is silent for two and a half heartbeats is a loss, though another is not", async () => {
  const { clock, stream, heard, requests } = await inMain();
  stream.send([{ type: "join", room: "tea", ref: 2 }]);
  await turns();
  await requests[1].stream();
  await requests[1].frame([WELCOME, joined({ room: "tea" })], "e2:0");
  for (let second = 0; second < 40; second += 8) {
    for (const request of requests) await request.write(": still here\n\n");
    clock.pass(8_000);
  }
  assert.ok(!heard.includes(1006));
  await requests[1].frame([{ type: "ping" }]);
  clock.pass(11_999);
  assert.ok(!heard.includes(1006));
  clock.pass(1);
  assert.equal(heard.at(-1), 1006);
});

test("stream that is not answered is a loss; one that has ended or was left is none", async () => {
  const { clock, stream, heard } = await opened();
  stream.send([{ type: "join", room: "main", ref: 1 }]);
  await turns();
  clock.pass(10_000);
  assert.deepEqual(heard.splice(0), [1006]);
  stream.send([{ type: "join", room: "main", ref: 2 }]);
  await turns();
  stream.send([{ type: "leave", room: "main" }]);
  await turns();
  clock.pass(60_000);
  assert.deepEqual(types(heard), ["left"]);
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

test("join that somebody else than the chat refuses is a loss: it is tried again", async () => {
  for (const status of [403, 404, 429, 502]) {
    for (const json of [false, true]) {
      const { stream, heard, last } = await opened();
      stream.send([{ type: "join", room: "main", ref: 1 }]);
      await turns();
      await (json ? last().answer({ message: "no" }, status) : last().page("<h1>no</h1>", status));
      assert.deepEqual(heard, [1006]);
    }
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
