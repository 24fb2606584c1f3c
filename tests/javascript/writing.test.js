// The same as in tests/admin/test_writing.py: server and page write alike.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Writing, inZoneOf } from "../../chat/static/chat/admin/writing.js";

const WORDS = { seconds: "%s s", minutes: "%s min", hours: "%s h", days: "%s d", silent: "silent: %s" };
const writing = new Writing(WORDS, "en");

test("figures are short and of even length", () => {
  /** @type {[string, number | null, string][]} */
  const examples = [
    ["number", 0, "0"], ["number", 12345, "12,345"],
    ["rate", 0, "0.0"], ["rate", 2.04, "2.0"], ["rate", 1234.25, "1,234"],
    ["milliseconds", 9.81, "9.8"], ["milliseconds", 1250, "1,250"],
    ["rate", null, "–"], ["age", null, "–"],
  ];
  for (const [kind, value, text] of examples) assert.equal(writing.write(kind, value), text);
});

test("ages are in their largest unit", () => {
  /** @type {[number, string][]} */
  const examples = [
    [0.4, "0 s"], [119.9, "119 s"], [120, "2 min"], [7199, "119 min"], [7200, "2 h"], [172_800, "2 d"],
  ];
  for (const [seconds, text] of examples) assert.equal(writing.write("age", seconds), text);
  assert.equal(writing.silent("61 s"), "silent: 61 s");
});

test("texts that are missing leave the number", () => {
  assert.equal(new Writing({}, "en").write("age", 5), "5");
});

test("moments are written in the zone of those that the server has written", () => {
  const at = new Date("2026-03-29T22:45:07.123Z");
  /** @type {[string, string][]} */
  const examples = [
    ["2026-03-29T22:00:00.000001+00:00", "2026-03-29T22:45:07+00:00"],
    ["2026-03-30T00:00:00+02:00", "2026-03-30T00:45:07+02:00"],
    ["2026-03-29T18:30:00-03:30", "2026-03-29T19:15:07-03:30"],
  ];
  for (const [like, written] of examples) assert.equal(inZoneOf(like, at), written);
});
