// Of several windows that are to be seen, one reads out.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { browser, globals } from "./fakes.js";

globals({ document: { documentElement: { lang: "en" } } });
const { Attention } = await import("../../chat/static/chat/attention.js");
const { recallRead } = await import("../../chat/static/chat/storage.js");

const FOCUSED = 1_500;

/** @type {ReturnType<typeof browser>} */
let page;
let focus = false;

beforeEach(() => {
  page = browser();
  globals({
    ResizeObserver: class { observe() {} disconnect() {} },
    document: {
      title: "Chat", hidden: false, hasFocus: () => focus, addEventListener: () => undefined,
    },
  });
});

/** A window's attention to the room, and what it has read out. @param {boolean} focused */
function open(focused) {
  /** @type {string[]} */
  const said = [];
  const voice = { dataset: { many: "New messages:" }, replaceChildren: (/** @type {string} */ text) => void said.push(text) };
  const pieces = { voice, latest: { dataset: {} } };
  /** @type {any[]} */
  const lines = [];
  const log = { me: "7", marker: 0, following: true, timeline: { lines, after: () => lines.length } };
  const element = {
    draw: () => undefined, hide: () => undefined, ends: () => undefined, checkVisibility: () => true,
    piece: (/** @type {"voice" | "latest"} */ name) => pieces[name],
  };
  const room = { slug: "main", epoch: "e", seq: 0, joined: true, on: () => undefined };
  const attention = new Attention(
    /** @type {any} */ (element), /** @type {any} */ (room), /** @type {any} */ (log),
  );
  return {
    said, room,
    look() {
      focus = focused;
      attention.look();
      focus = false;
    },
    /** @param {object} event */
    change(event) {
      attention.heard(/** @type {any} */ (event));
    },
    /** @param {number} seq */
    hear(seq, text = `m${seq}`) {
      const message = { type: "message", seq, sender: { id: "9", name: "Bob" }, text };
      lines.push(message);
      focus = focused;
      attention.heard(/** @type {any} */ (message));
      focus = false;
    },
  };
}

test("while the window with the focus reads out, the one behind does not, however they come", () => {
  const [front, behind] = [open(true), open(false)];
  for (const seq of [1, 2, 3, 4, 5]) {
    for (const window of [front, behind]) window.hear(seq);
    page.clock.pass(FOCUSED + 100);
  }
  page.clock.pass(10_000);
  assert.deepEqual(front.said, [1, 2, 3, 4, 5].map((seq) => `Bob: m${seq}`));
  assert.deepEqual(behind.said, []);
});

test("what is edited before it is read out is read out as it is now, what is deleted is not", () => {
  const window = open(true);
  window.hear(1, "helo");
  window.change({ type: "edited", seq: 2, target: 1, text: "hello" });
  page.clock.pass(FOCUSED);
  assert.deepEqual(window.said, ["Bob: hello"]);
  window.hear(3, "rude");
  window.change({ type: "deleted", seq: 4, target: 3 });
  page.clock.pass(10_000);
  assert.deepEqual(window.said, ["Bob: hello"]);
});

test("a window that is alone reads out without the focus, too", () => {
  const window = open(false);
  window.hear(1);
  page.clock.pass(FOCUSED);
  assert.deepEqual(window.said, []);
  page.clock.pass(1_000);
  assert.deepEqual(window.said, ["Bob: m1"]);
});

test("a window behind goes on where the one with the focus has stopped", () => {
  const [front, behind] = [open(true), open(false)];
  for (const window of [front, behind]) window.hear(1);
  page.clock.pass(FOCUSED);
  behind.hear(2);
  page.clock.pass(10_000);
  assert.deepEqual([front.said, behind.said], [["Bob: m1"], ["Bob: m2"]]);
});

test("what was read is remembered while one is in the room, and not while it is away", () => {
  const tab = open(true);
  Object.assign(tab.room, { epoch: "old", seq: 9, joined: false });
  tab.look();
  assert.equal(recallRead("main", "7"), undefined);
  Object.assign(tab.room, { epoch: "new", seq: 3, joined: true });
  tab.look();
  assert.deepEqual(recallRead("main", "7"), { epoch: "new", seq: 3 });
});

test("long message is read out up to a character's end", () => {
  const window = open(true);
  window.hear(1, `m${"\u{1F600}".repeat(400)}`);
  page.clock.pass(FOCUSED);
  assert.deepEqual(window.said, [`Bob: m${"\u{1F600}".repeat(299)}`]);
});

test("of what nobody has heard so far, only so much is kept as its number tells", () => {
  const window = open(true);
  for (let seq = 1; seq <= 999; seq++) window.hear(seq);
  page.clock.pass(FOCUSED);
  for (let seq = 1000; seq <= 3000; seq++) window.hear(seq);
  page.clock.pass(FOCUSED);
  assert.deepEqual(window.said, ["New messages: 999", "New messages: 999+"]);
});
