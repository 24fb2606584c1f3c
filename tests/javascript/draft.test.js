import assert from "node:assert/strict";
import { test } from "node:test";

import { Draft } from "../../chat/static/chat/draft.js";
import { browser, globals } from "./fakes.js";

/** @param {string} room @param {string} me */
const draft = (room, me) => new Draft(room, me);

test("draft is kept for its room and its writer, whoever else writes there", () => {
  browser();
  draft("main", "7").text = "a guest's";
  assert.equal(draft("main", "8").text, "");
  draft("main", "8").text = "a user's";
  draft("tea", "7").text = "elsewhere";
  assert.deepEqual(["7", "8"].map((me) => draft("main", me).text), ["a guest's", "a user's"]);
  draft("main", "8").text = "";
  assert.deepEqual(["7", "8"].map((me) => draft("main", me).text), ["a guest's", ""]);
});

test("what was begun before it was known by whom is theirs, and nobody else's", () => {
  const { storage } = browser();
  const begun = draft("main", "");
  begun.text = "half a thought";
  begun.claim("7");
  assert.equal(begun.text, "half a thought");
  assert.equal(draft("main", "7").text, "half a thought");
  assert.equal(draft("main", "").text, "");
  begun.text = " ";
  assert.deepEqual(storage.all, {});
});

test("what an earlier page had begun before it was known by whom is there, after what there was", () => {
  const { storage } = browser();
  draft("main", "").text = "half a thought";
  assert.equal(draft("main", "7").text, "half a thought");
  assert.deepEqual(storage.all, { "chat.draft.main.7": "half a thought" });
  draft("main", "").text = "another";
  assert.equal(draft("main", "").text, "another");
  assert.equal(draft("main", "7").text, "half a thought\nanother");
  assert.deepEqual([draft("main", "").text, draft("main", "8").text], ["", ""]);
});

test("draft goes on with what is written or sent in another tab", () => {
  const { storage } = browser();
  const tab = new EventTarget();
  globals({ addEventListener: tab.addEventListener.bind(tab) });
  /** @param {string} key @param {string | null} value */
  const elsewhere = (key, value) => {
    if (value === null) storage.removeItem(key);
    else storage.setItem(key, value);
    tab.dispatchEvent(Object.assign(new Event("storage"), { key }));
  };
  const here = draft("main", "7");
  /** @type {string[]} */
  const told = [];
  const over = new AbortController();
  here.follow(() => told.push(here.text), over.signal);
  elsewhere("chat.draft.main.7", "hello");
  elsewhere("chat.draft.main.8", "somebody else's");
  elsewhere("other.draft.main.7", "another program's");
  elsewhere("chat.draft.main.7", null);
  here.text = "mine";
  over.abort();
  elsewhere("chat.draft.main.7", "late");
  assert.deepEqual([told, here.text], [["hello", ""], "mine"]);
});
