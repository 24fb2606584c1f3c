// Which keys send what is written.

import assert from "node:assert/strict";
import { test } from "node:test";

import { browser, globals } from "./fakes.js";

browser();
globals({
  document: { documentElement: { lang: "en" }, addEventListener: () => undefined },
  matchMedia: () => ({ matches: false }),
  CSS: { supports: () => true },
});
const { Composer } = await import("../../chat/static/chat/composer.js");

/** A field that text is in, and how often it was sent by a key. */
function field() {
  /** @type {Record<string, any>} */
  const pieces = {};
  /** @type {(event: object) => void} */
  let press = () => undefined;
  let sent = 0;
  const piece = (/** @type {string} */ name) => (pieces[name] ??= {
    dataset: {}, hidden: true, value: "", classList: { toggle: () => undefined }, contains: () => false,
    querySelectorAll: () => [], requestSubmit: () => void sent++,
    addEventListener: (/** @type {string} */ type, /** @type {typeof press} */ call) => {
      if (name === "text" && type === "keydown") press = call;
    },
  });
  const element = {
    dataset: {}, piece, ends: () => undefined, addEventListener: () => undefined,
    signal: new AbortController().signal,
  };
  const room = { slug: "main", may: new Set(["post"]), on: () => undefined };
  new Composer(/** @type {any} */ (element), /** @type {any} */ (room), /** @type {any} */ ({ me: "7" }));
  return (/** @type {object} */ about) => {
    const before = sent;
    press({ key: "Enter", keyCode: 13, shiftKey: false, isComposing: false, preventDefault: () => undefined, ...about });
    return sent > before;
  };
}

test("Enter sends, and with Shift it does not", () => {
  const sends = field();
  assert.equal(sends({}), true);
  assert.equal(sends({ shiftKey: true }), false);
});

test("Enter that confirms an input method's word does not send, nor where it comes after the word, as in Safari", () => {
  const sends = field();
  assert.equal(sends({ isComposing: true }), false);
  assert.equal(sends({ keyCode: 229 }), false);
});
