import assert from "node:assert/strict";
import { test } from "node:test";

import { WELCOME, joined, turns } from "./fakes.js";
import { inMain, opened, types } from "./streams.js";

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

test("post without a token that counts is refused as such, not sent for ever", async () => {
  const { stream, heard, last } = await inMain();
  stream.send([{ type: "post", room: "main", text: "hi", id: "a" }]);
  await last().page("<!doctype html><h1>Forbidden</h1><p>CSRF verification failed.", 403);
  assert.deepEqual(heard.map(({ code, id }) => [code, id]), [["stale", "a"]]);
});

test("what another than the chat refuses has failed, also where that speaks JSON", async () => {
  for (const [status, code] of /** @type {const} */ ([[400, "forbidden"], [403, "stale"], [413, "too_long"], [429, "rate_limited"]])) {
    for (const json of [false, true]) {
      const { stream, heard, last } = await inMain();
      stream.send([{ type: "edit", room: "main", seq: 1, text: "hi", ref: 7 }]);
      await (json ? last().answer({ detail: "no" }, status) : last().page("<h1>no</h1>", status));
      assert.deepEqual(heard, [{ type: "error", code, detail: "", ref: 7 }]);
    }
  }
});

test("post for which nobody is there is sent another time", async () => {
  for (const status of [404, 408, 503]) {
    const { stream, heard, last } = await inMain();
    stream.send([{ type: "post", room: "main", text: "hi", id: "a" }]);
    await last().page("no such service", status);
    assert.deepEqual(heard, [1006]);
  }
});

test("post that is not answered for two and a half heartbeats is a loss, though the stream lives", async () => {
  const { clock, stream, heard, requests } = await inMain();
  stream.send([{ type: "typing", room: "main" }]);
  await requests[1].answer([]);
  stream.send([{ type: "post", room: "main", text: "hi", id: "a" }]);
  clock.pass(10_000);
  await requests[0].write(": still here\n\n");
  clock.pass(9_999);
  assert.deepEqual(heard, []);
  clock.pass(1);
  assert.deepEqual(heard, [1006]);
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
