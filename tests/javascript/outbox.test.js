import assert from "node:assert/strict";
import { test } from "node:test";

import { Outbox } from "../../chat/static/chat/outbox.js";
import { browser } from "./fakes.js";

const HOUR = 3600_000;
const GUEST = `${2 ** 30 + 17}`;

/** An outbox of the main room, after a visitor's identity is known. */
function loaded(me = "7") {
  const outbox = new Outbox("main");
  outbox.load(me);
  return outbox;
}

/** @param {Outbox} outbox */
const texts = ({ posts }) => posts.map(({ text }) => text);

test("posts wait in the order in which they were written, also within a millisecond", () => {
  const { clock } = browser();
  const outbox = loaded();
  for (const text of ["a", "b", "c"]) outbox.add(text, "7");
  clock.pass(10);
  outbox.add("d", "7");
  assert.deepEqual(texts(outbox), ["a", "b", "c", "d"]);
  assert.deepEqual(texts(loaded()), ["a", "b", "c", "d"]);
  assert.equal(outbox.next?.text, "a");
});

test("each post has an id of its own, which the wire takes", () => {
  browser();
  const outbox = loaded();
  const ids = Array.from({ length: 100 }, () => outbox.add("same", "7").id);
  assert.equal(new Set(ids).size, 100);
  for (const id of ids) assert.match(id, /^[0-9a-f]{32}$/);
});

test("posts survive a reload, in their room", () => {
  browser();
  const { id } = loaded().add("hello", "7");
  const again = loaded();
  assert.deepEqual(again.posts.map(({ id, text, state }) => [id, text, state]), [[id, "hello", "waiting"]]);
  const other = new Outbox("main2");
  other.load("7");
  assert.deepEqual(other.posts, []);
});

test("loading twice brings nothing twice", () => {
  browser();
  const outbox = loaded();
  outbox.add("hello", "7");
  outbox.load("7");
  assert.deepEqual(texts(outbox), ["hello"]);
});

test("another visitor's posts are neither sent nor lost", () => {
  browser();
  loaded().add("mine", "7");
  assert.deepEqual(texts(loaded("8")), []);
  assert.deepEqual(texts(loaded("7")), ["mine"]);
});

test("post that was written before one was known is one's own, also after a reload", () => {
  browser();
  const outbox = new Outbox("main");
  outbox.add("early", "");
  outbox.load("7");
  assert.deepEqual(outbox.posts.map(({ me }) => me), ["7"]);
  assert.deepEqual(texts(loaded("7")), ["early"]);
  assert.deepEqual(texts(loaded("8")), []);
});

test("post of an earlier page that never knew by whom it was is theirs who is known next, and is sent", () => {
  browser();
  loaded("").add("early", "");
  assert.equal(loaded("").next?.text, "early");
  const [post, ...none] = loaded(GUEST).posts;
  assert.deepEqual([post.text, post.me, post.state, none], ["early", GUEST, "waiting", []]);
  assert.deepEqual(texts(loaded(`${2 ** 30 + 18}`)), []);
  assert.equal(loaded(GUEST).next?.text, "early");
});

test("signed in, one is asked about such a post before it is sent", () => {
  browser();
  loaded("").add("early", "");
  const outbox = new Outbox("main");
  for (const time of [1, 2]) {
    outbox.load("2");
    assert.deepEqual(outbox.posts.map(({ me, state, code }) => [me, state, code]), [["2", "failed", "earlier"]], `${time}`);
  }
  outbox.retry(outbox.posts[0]);
  assert.deepEqual([loaded("2").next?.text, texts(loaded(GUEST))], ["early", []]);
});

test("post that failed because its page was old is sent by the next one", () => {
  browser();
  const outbox = loaded();
  outbox.fail(outbox.add("a", "7"), "stale");
  outbox.load("7");
  assert.equal(outbox.next, undefined, "the page is the same");
  const [{ state, code }] = loaded().posts;
  assert.deepEqual([state, code], ["waiting", undefined]);
});

test("post that is stored waits no longer, and is not sent after a reload", () => {
  browser();
  const outbox = loaded();
  const { id } = outbox.add("a", "7");
  outbox.add("b", "7");
  assert.equal(outbox.stored(id)?.text, "a");
  assert.equal(outbox.next?.text, "b");
  assert.deepEqual(texts(outbox), ["a", "b"], "it is not seen in the log yet");
  assert.deepEqual(texts(loaded()), ["b"]);
  outbox.remove(id);
  assert.deepEqual(texts(outbox), ["b"]);
  assert.equal(outbox.remove(id), undefined);
});

test("post that failed stays where it was, with the reason, until it is tried again", () => {
  const { clock } = browser();
  const outbox = loaded();
  const post = outbox.add("a", "7");
  outbox.add("b", "7");
  outbox.fail(post, "too_long");
  assert.deepEqual(texts(outbox), ["a", "b"]);
  assert.equal(outbox.next?.text, "b");
  const [again] = loaded().posts;
  assert.deepEqual([again.state, again.code], ["failed", "too_long"]);
  clock.pass(1000);
  outbox.retry(post);
  assert.deepEqual(texts(outbox), ["b", "a"], "now it is the latest");
  assert.deepEqual(loaded().posts.map(({ text, state }) => [text, state]), [["b", "waiting"], ["a", "waiting"]]);
});

test("post that waited for more than a day is not sent without being asked", () => {
  const { clock } = browser();
  loaded().add("old", "7");
  clock.pass(2 * HOUR);
  loaded().add("newer", "7");
  clock.pass(22 * HOUR);
  assert.equal(loaded().next?.text, "old", "a day exactly");
  clock.pass(1);
  const outbox = loaded();
  assert.deepEqual(outbox.posts.map(({ state, code }) => [state, code]), [["failed", "old"], ["waiting", undefined]]);
  outbox.retry(outbox.posts[0]);
  assert.deepEqual(loaded().posts.map(({ text, state }) => [text, state]), [["newer", "waiting"], ["old", "waiting"]]);
});

for (const mode of /** @type {const} */ (["fill", "turnOff"])) {
  test(`posts are sent as ever, though the storage cannot hold them (${mode})`, () => {
    const { storage } = browser();
    storage[mode]();
    const outbox = loaded();
    const post = outbox.add("a", "7");
    outbox.add("b", "7");
    outbox.fail(post, "empty");
    outbox.retry(post);
    outbox.load("7");
    assert.deepEqual(texts(outbox), ["a", "b"]);
    outbox.remove(post.id);
    assert.equal(outbox.next?.text, "b");
    assert.deepEqual(texts(loaded()), []);
  });
}

test("junk in the storage is thrown away, and nothing but junk", () => {
  const { storage } = browser();
  const good = loaded().add("good", "7");
  const whole = { id: "x", text: "a", at: 1, me: "7", state: "waiting" };
  const junk = [null, 5, [], {}, { ...whole, id: "y" }, { ...whole, text: 5 }, { ...whole, at: null }, { ...whole, state: "lost" }];
  for (const value of junk) {
    storage.setItem("chat.post.main.x", JSON.stringify(value));
    assert.deepEqual(texts(loaded()), ["good"]);
    assert.equal(storage.getItem("chat.post.main.x"), null);
  }
  storage.setItem("chat.post.main.y", "{half");
  storage.setItem("chat.post.main.z", "");
  storage.setItem("chat.read.main", "e1:5");
  assert.deepEqual(texts(loaded()), ["good"]);
  assert.deepEqual(Object.keys(storage.all).sort(), [`chat.post.main.${good.id}`, "chat.read.main"]);
});

test("two tabs with the same post: it is stored in one, and not sent after that", () => {
  browser();
  const one = loaded();
  const { id } = one.add("a", "7");
  const other = loaded();
  assert.equal(other.next?.id, id);
  other.stored(id);
  assert.deepEqual(texts(loaded()), []);
  one.remove(id);
  other.remove(id);
  assert.deepEqual([one.posts, other.posts], [[], []]);
});

test("post that is taken back in one tab waits in none, also in one that heard nothing of it", () => {
  const { clock, storage } = browser();
  const asleep = loaded();
  const { id } = asleep.add("a", "7");
  asleep.add("b", "7");
  const other = loaded();
  other.fail(other.posts[0], "forbidden");
  assert.equal(other.takeBack(id)?.text, "a");
  assert.deepEqual([texts(other), texts(loaded())], [["b"], ["b"]]);
  asleep.load("7");
  assert.deepEqual(texts(asleep), ["b"]);
  other.remove(other.posts[0].id);
  clock.pass(24 * HOUR + 1);
  loaded();
  assert.deepEqual(storage.all, {}, "nothing is kept of it for ever");
});
