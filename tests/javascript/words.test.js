import assert from "node:assert/strict";
import { test } from "node:test";

import { browser, globals } from "./fakes.js";

// The language is the page's and is asked for once; the time zone is the reader's.
process.env.TZ = "Europe/Berlin";
const { clock } = browser();
/** What the page calls guests. @type {string | undefined} */
let unnamed;
globals({
  document: {
    documentElement: { lang: "en-GB" },
    createElement: (/** @type {string} */ name) => ({ name }),
    querySelector: () => (unnamed === undefined ? null : { dataset: { unnamed } }),
  },
});
const { called, clockTime, compare, count, dayOf, endTime, listed, put, showText, showTime } = await import("../../chat/static/chat/words.js");

const MINUTE = 60_000, HOUR = 60 * MINUTE, DAY = 24 * HOUR;
const NOON = clock.now; // 1 March 2026, 12:00 UTC, which is 13:00 there

/** What a text is shown as: its addresses in arrays, with where they lead to. @param {string} text */
function shown(text) {
  /** @type {any[]} */
  const parts = [];
  const box = { textContent: "before", append: (/** @type {any[]} */ ...more) => parts.push(...more) };
  showText(/** @type {any} */ (box), text);
  assert.equal(box.textContent, "");
  for (const part of parts) {
    if (typeof part === "string") continue;
    const { name, target, rel, href, textContent } = part;
    assert.deepEqual([name, target, rel], ["a", "_blank", "noopener noreferrer nofollow ugc"]);
    assert.equal(href, textContent, "what one sees is where one goes");
  }
  const whole = parts.map((part) => part.textContent ?? part).join("");
  assert.equal(whole, text, "nothing is lost or added");
  return parts.map((part) => (typeof part === "string" ? part : [part.href])).filter((part) => part.length > 0);
}

for (const text of [
  "", "hello", "<b>&amp;</b>", "javascript:alert(1)", "data:text/html,x", "ftp://a.example/", "//a.example", "www.a.example",
  "http://", "https:///", "http:// a.example", "http://]", "http://a:b:c/", "HTTP://a.example", "xhttp:/a",
]) {
  test(`no link in ${JSON.stringify(text)}`, () => {
    assert.deepEqual(shown(text), text ? [text] : []);
  });
}

for (const [text, ...wanted] of /** @type {[string, ...(string | string[])[]][]} */ ([
  ["http://a.example", ["http://a.example"]],
  ["see https://a.example/x?y=1&z=%20#w, and http://b.example/.", "see ", ["https://a.example/x?y=1&z=%20#w"], ", and ", ["http://b.example/"], "."],
  ["https://a.example/?!…", ["https://a.example/"], "?!…"],
  ["https://a.example/a.b,c;d:e!f?g", ["https://a.example/a.b,c;d:e!f?g"]],
  ["(https://a.example/)", "(", ["https://a.example/"], ")"],
  ["(see https://a.example/b_(c).)", "(see ", ["https://a.example/b_(c)"], ".)"],
  ["https://a.example/(b", ["https://a.example/"], "(b"],
  ["[https://a.example/], {http://b.example}", "[", ["https://a.example/"], "], {", ["http://b.example"], "}"],
  ["http://[::1]:8000/x", ["http://[::1]:8000/x"]],
  ["\"https://a.example/\" 'http://b.example' `http://c.example`", "\"", ["https://a.example/"], "\" '", ["http://b.example"], "' `", ["http://c.example"], "`"],
  ["<https://a.example/><b>", "<", ["https://a.example/"], "><b>"],
  ["https://a.example/\nhttps://b.example/\u2028c", ["https://a.example/"], "\n", ["https://b.example/"], "\u2028c"],
  ["https://bücher.example/käse/コーヒー", ["https://bücher.example/käse/コーヒー"]],
  ["https://a.example/gpj\u202eexe.b", ["https://a.example/gpj"], "\u202eexe.b"],
  ["https://a.example/\u2066b\u2069", ["https://a.example/"], "\u2066b\u2069"],
  ["https://a.example/\u200f\u061cb", ["https://a.example/"], "\u200f\u061cb"],
  ["https://a.example/\u0000b", ["https://a.example/"], "\u0000b"],
  ["http://user:secret@a.example/", ["http://user:secret@a.example/"]],
  ["javascript:https://a.example/", "javascript:", ["https://a.example/"]],
])) {
  test(`links in ${JSON.stringify(text)}`, () => {
    assert.deepEqual(shown(text), wanted);
  });
}

test("text that is all punctuation takes no longer than others of its length", () => {
  const begin = performance.now();
  for (const part of ["!", "(", "(a)", "a(", "http://a", "http://a!", "]"]) shown(`http://a${part.repeat(100_000 / part.length)} `);
  assert.ok(performance.now() - begin < 5_000);
});

// Times

/** @param {number} age */
function time(age) {
  const shown = { textContent: "", title: "", dateTime: new Date(NOON - age).toISOString() };
  showTime(/** @type {any} */ (shown));
  return shown;
}

for (const [age, wanted] of /** @type {[number, string][]} */ ([
  [0, "now"],
  [MINUTE - 1, "now"],
  [-MINUTE + 1, "now"],
  [MINUTE, "1 min ago"],
  [HOUR - 1, "59 min ago"],
  [HOUR, "12:00"],
  [-MINUTE, "13:01"],
  [40 * DAY, "13:00"],
])) {
  test(`message of ${age / 1000} s ago is of ${wanted}`, () => {
    assert.equal(time(age).textContent, wanted);
  });
}

test("time is exact in the title, and follows the message where the server has it otherwise", () => {
  const shown = time(DAY);
  assert.match(shown.title, /^Saturday,? 28 February 2026.*13:00:00$/);
  showTime(/** @type {any} */ (shown), new Date(NOON));
  assert.match(shown.title, /^Sunday,? 1 March 2026/);
});

test("time that stays as it is is not touched", () => {
  let writes = 0;
  const shown = {
    dateTime: new Date(NOON - 5 * MINUTE).toISOString(), title: "",
    get textContent() {
      return "5 min ago";
    },
    set textContent(_) {
      writes++;
    },
  };
  showTime(/** @type {any} */ (shown));
  assert.equal(writes, 0);
});

for (const [at, wanted] of [
  ["2026-03-01T00:00:00+01:00", "Today"],
  ["2026-03-01T23:59:59+01:00", "Today"],
  ["2026-02-28T23:59:59+01:00", "Yesterday"],
  ["2026-02-27T12:00:00+01:00", "Friday 27 February"],
  ["2025-09-03T12:00:00+02:00", "Wednesday 3 September"],
  ["2025-08-01T12:00:00+02:00", "1 August 2025"],
  ["2026-03-02T00:00:00+01:00", "2 March 2026"],
]) {
  test(`${at} is ${wanted}`, () => {
    assert.equal(dayOf(new Date(at)).replace(",", ""), wanted);
  });
}

test("the day before is yesterday, also where that day had 23 or 25 hours", () => {
  for (const [now, then] of [
    ["2026-03-30T00:30:00+02:00", "2026-03-29T23:00:00+02:00"],
    ["2026-03-29T23:30:00+02:00", "2026-03-28T12:00:00+01:00"],
    ["2026-10-26T00:30:00+01:00", "2026-10-25T00:30:00+02:00"],
  ]) {
    clock.now = Date.parse(now);
    assert.equal(dayOf(new Date(then)), "Yesterday");
  }
  clock.now = NOON;
});

test("what ends today has a time, and what ends later a date as well", () => {
  assert.equal(clockTime(new Date(NOON)), "13:00");
  assert.equal(endTime(new Date("2026-03-01T23:59:00+01:00")), "23:59");
  assert.match(endTime(new Date("2026-03-02T00:00:00+01:00")), /^2 Mar 2026,? 00:00$/);
});

// Sentences and names

test("words are put into a sentence: numbers as they are written, names in a direction of their own", () => {
  assert.equal(put("{count} of {most}", { count: 3_999, most: 4_000 }), "3,999 of 4,000");
  assert.equal(put("{name} is muted.", { name: "ليلى" }), "\u2068ليلى\u2069 is muted.");
  assert.equal(put("{name}", { name: "{count}", count: 1 }), "\u2068{count}\u2069", "what people wrote is no sentence");
  assert.equal(put("{left} {out}", { left: undefined }), "{left} {out}");
});

test("titles are in the order of a dictionary, and numbers in that of their size", () => {
  assert.deepEqual(["Room 10", "room 9", "Zoo", "Ärger", "apple"].sort(compare), ["apple", "Ärger", "room 9", "Room 10", "Zoo"]);
});

test("names are listed as the language has it, each in a direction of its own", () => {
  assert.equal(listed(["Ann"]), "\u2068Ann\u2069");
  assert.equal(listed(["Ann", "ليلى"]), "\u2068Ann\u2069, \u2068ليلى\u2069");
});

test("what is counted up to a most says so beyond it", () => {
  assert.deepEqual([count(1_234), count(99, 99), count(100, 99)], ["1,234", "99", "99+"]);
});

test("guests without a name are called as the page calls them, and nobody else is", () => {
  const [guest, other] = [{ id: "7", name: "Guest 7" }, { id: "8", name: "Guest 7" }];
  assert.deepEqual([guest, other].map(called), ["Guest 7", "Guest 7"], "a page may have no word for them");
  unnamed = "Gast {number}";
  assert.deepEqual([guest, other].map(called), ["Gast 7", "Guest 7"]);
});
