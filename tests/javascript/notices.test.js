import assert from "node:assert/strict";
import { test } from "node:test";

import { Emitter } from "../../chat/static/chat/emitter.js";
import { Notices } from "../../chat/static/chat/notices.js";

import { globals } from "./fakes.js";

/** @import { Notice } from "../../chat/static/chat/types.js" */

// What one tab remembers all others are told of. Here it hears that itself as well, as each of its pages is a tab.
const tabs = new EventTarget();
globals({
  document: {},
  addEventListener: tabs.addEventListener.bind(tabs),
  localStorage: {
    setItem: (/** @type {string} */ key, /** @type {string} */ newValue) => {
      tabs.dispatchEvent(Object.assign(new Event("storage"), { key, newValue }));
    },
    removeItem: (/** @type {string} */ key) => {
      tabs.dispatchEvent(Object.assign(new Event("storage"), { key, newValue: null }));
    },
  },
});

/** The row of an announcement, as far as it is filled in. */
const row = () => {
  let press = () => {};
  const button = { addEventListener: (/** @type {string} */ _, /** @type {() => void} */ call) => void (press = call) };
  /** @type {Record<string, any>} */
  const parts = { ".level": {}, ".words": {}, button };
  return {
    dataset: {}, parts, nextElementSibling: null, previousElementSibling: null, press: () => press(), remove() {}, contains: () => false,
    querySelector: (/** @type {string} */ selector) => parts[selector],
  };
};

/** A room of a page, and the words it shows. @param {any} client @param {string} room */
function place(client, room) {
  /** @type {ReturnType<typeof row>[]} */
  const rows = [];
  /** @type {(() => void)[]} */
  const ends = [];
  const list = {
    append: (/** @type {ReturnType<typeof row>} */ shown) => {
      shown.remove = () => void (rows.includes(shown) && rows.splice(rows.indexOf(shown), 1));
      rows.push(shown);
    },
    children: rows,
  };
  const element = {
    dataset: { room }, seen: true, make: row, focused: 0,
    piece: (/** @type {string} */ name) => (name === "notices" ? list : { focus: () => element.focused++ }),
    ends: (/** @type {(() => void)[]} */ ...calls) => ends.push(...calls),
    getClientRects: () => (element.seen ? [{}] : []),
  };
  new Notices(/** @type {any} */ (element), client);
  return {
    element, rows,
    words: () => rows.map(({ parts }) => parts[".words"].textContent),
    take: () => rows.splice(0).map(({ parts }) => parts[".words"].textContent),
    leave: () => ends.forEach((end) => end()),
  };
}

/** @param {string[]} names of the rooms of a page */
function page(...names) {
  /** @type {Emitter<{ notice: Notice }>} */
  const client = new Emitter();
  const rooms = names.map((name) => place(client, name));
  /** @param {Partial<Notice>} about */
  const hear = (about) => client.emit("notice", { type: "notice", text: "soon", level: "info", ...about });
  return {
    rooms, hear,
    /** What each room shows of a notice. @param {Partial<Notice>} about */
    show(about) {
      hear(about);
      return rooms.map(({ take }) => take());
    },
  };
}

test("what is for a room is shown in that room alone", () => {
  const { show } = page("main", "tea", "main");
  assert.deepEqual(show({ room: "tea" }), [[], ["soon"], []]);
  assert.deepEqual(show({ room: "main" }), [["soon"], [], ["soon"]]);
  assert.deepEqual(show({ room: "elsewhere" }), [[], [], []]);
});

test("what is for the whole site is shown once, in the first room that is seen and still there", () => {
  const { show, rooms: [main, tea] } = page("main", "tea");
  assert.deepEqual(show({}), [["soon"], []]);
  main.element.seen = false;
  assert.deepEqual(show({}), [[], ["soon"]]);
  tea.element.seen = false;
  assert.deepEqual(show({}), [["soon"], []]);
  main.leave();
  assert.deepEqual(show({}), [[], ["soon"]]);
});

test("what is for the whole site is shown for each connection of a page", () => {
  const [one, other] = [page("main"), page("main")];
  assert.deepEqual([one.show({}), other.show({})], [[["soon"]], [["soon"]]]);
});

test("what other events say without words is not shown", () => {
  const { show } = page("main");
  assert.deepEqual(show({ room: "main", code: "rights" }), [[]]);
});

test("what is put away is put away in every tab, and nothing else is", () => {
  const pages = [page("main", "tea"), page("main"), page("tea")];
  for (const { rooms, hear } of pages) {
    hear({ text: "one" });
    hear({ text: "two" });
    hear({ text: "one", room: "tea" });
    assert.ok(rooms[0].rows.length > 1);
  }
  const [here] = pages;
  here.rooms[0].rows[0].press();
  const left = pages.map(({ rooms }) => rooms.map(({ words }) => words()));
  assert.deepEqual(left, [[["two"], ["one"]], [["two"]], [["two", "one"]]]);
  assert.deepEqual(pages.map(({ rooms }) => rooms[0].element.focused), [1, 0, 0], "the focus stays elsewhere");
  pages[2].rooms[0].leave();
  here.rooms[0].rows[0].press();
  assert.deepEqual(pages[2].rooms[0].words(), ["two", "one"], "it is no longer there");
});
