import assert from "node:assert/strict";
import { test } from "node:test";

import { Emitter } from "../../chat/static/chat/emitter.js";
import { keys, recall, recallRead, remember, rememberRead } from "../../chat/static/chat/storage.js";
import { browser } from "./fakes.js";

test("what is remembered is recalled, under a name of our own, until it is forgotten", () => {
  const { storage } = browser();
  remember("name", "Ann");
  assert.equal(recall("name"), "Ann");
  assert.deepEqual(storage.all, { "chat.name": "Ann" });
  remember("name", null);
  assert.equal(recall("name"), null);
  assert.deepEqual(storage.all, {});
});

test("keys are those that begin so, by their ends; other programs' are not ours", () => {
  const { storage } = browser();
  for (const key of ["chat.read.main", "chat.read.käse", "chat.name", "read.other"]) storage.setItem(key, "x");
  assert.deepEqual(keys("read."), ["main", "käse"]);
  assert.deepEqual(keys("post."), []);
});

test("how far one has read is kept for each room and each reader, with its epoch", () => {
  const { storage } = browser();
  rememberRead("main", "7", { epoch: "e1", seq: 3 });
  rememberRead("main", "8", { epoch: "e1", seq: 5 });
  rememberRead("tea", "7", { epoch: "e2", seq: 1 });
  assert.deepEqual(recallRead("main", "7"), { epoch: "e1", seq: 3 });
  assert.deepEqual(recallRead("main", "8"), { epoch: "e1", seq: 5 });
  assert.deepEqual(recallRead("tea", "7"), { epoch: "e2", seq: 1 });
  assert.equal(recallRead("tea", "8"), undefined);
  storage.setItem("chat.read.main.7", "what is that?");
  assert.equal(recallRead("main", "7"), undefined);
});

test("storage that is full keeps what it has", () => {
  const { storage } = browser();
  remember("name", "Ann");
  storage.fill();
  remember("name", "Bob");
  assert.equal(recall("name"), "Ann");
});

test("storage that is off forgets", () => {
  const { storage } = browser();
  storage.turnOff();
  remember("name", "Ann");
  remember("name", null);
  assert.equal(recall("name"), null);
  assert.deepEqual(keys(""), []);
});

test("those who listen are called in their order, until they have had enough", () => {
  /** @type {Emitter<{ one: number, other: number }>} */
  const emitter = new Emitter();
  /** @type {unknown[]} */
  const heard = [];
  const end = emitter.on("one", (value) => heard.push(["a", value]));
  emitter.on("one", (value) => heard.push(["b", value]));
  emitter.emit("one", 1);
  emitter.emit("other", 2);
  end();
  emitter.emit("one", 3);
  assert.deepEqual(heard, [["a", 1], ["b", 1], ["b", 3]]);
});
