import assert from "node:assert/strict";
import { test } from "node:test";

import { KEPT, Timeline } from "../../chat/static/chat/timeline.js";
import { message, seeded } from "./fakes.js";

/** @import { Line, Logged, Message } from "../../chat/static/chat/types.js" */

/**
 * A log of events as one would come about, from seq 1 on.
 * @param {() => number} random @param {number} length
 */
function logOf(random, length) {
  /** @type {Logged[]} */
  const log = [];
  /** @type {number[]} */
  const here = [];
  for (let seq = 1; seq <= length; seq++) {
    const target = here[Math.floor(random() * here.length)];
    const chance = random();
    if (target === undefined || chance < 0.6) {
      log.push(message(seq));
      here.push(seq);
    } else if (chance < 0.85) {
      log.push({ type: "edited", room: "main", seq, target, text: `edit ${seq}`, at: "2026-03-01T12:00:01.000Z" });
    } else {
      log.push({ type: "deleted", room: "main", seq, target, at: "2026-03-01T12:00:01.000Z" });
      here.splice(here.indexOf(target), 1);
    }
  }
  return log;
}

/** The messages of a log as the server has them after a seq. @param {Logged[]} log @param {number} upto @returns {Message[]} */
function stored(log, upto) {
  /** @type {Map<number, Message>} */
  const messages = new Map();
  for (const event of log.slice(0, upto)) {
    if (event.type === "message") {
      messages.set(event.seq, event);
      continue;
    }
    const old = messages.get(event.target);
    assert.ok(old);
    const change = event.type === "edited" ? { text: event.text, edited_at: event.at } : { text: "", deleted: true };
    messages.set(event.target, { ...old, ...change });
  }
  return [...messages.values()];
}

/** @param {Logged[]} events */
function applied(events) {
  const timeline = new Timeline();
  for (const event of events) timeline.apply(event);
  return timeline;
}

test("event is applied to what is here", () => {
  const [line] = applied([
    message(1, { text: "a" }),
    { type: "edited", room: "main", seq: 2, target: 1, text: "b", at: "" },
  ]).lines;
  assert.deepEqual(line, {
    seq: 1, id: "m1", sender: { id: "9", name: "Ann" }, text: "b", at: new Date("2026-03-01T12:00:00Z"),
    edited: true, deleted: false,
  });
});

test("line that changes is another object, so that whoever shows it sees that", () => {
  const timeline = applied([message(1), message(2)]);
  const [one, two] = timeline.lines;
  timeline.apply({ type: "deleted", room: "main", seq: 3, target: 1, at: "" });
  assert.notEqual(timeline.lines[0], one);
  assert.equal(timeline.lines[1], two);
  assert.deepEqual([timeline.lines[0].text, timeline.lines[0].deleted], ["", true]);
});

test("message that was edited or deleted before it came is so at once", () => {
  const [edited, deleted] = applied([
    message(1, { edited_at: "2026-03-01T12:00:01.000Z" }),
    message(2, { text: "", deleted: true }),
  ]).lines;
  assert.deepEqual([edited.edited, edited.deleted, deleted.edited, deleted.deleted], [true, false, false, true]);
});

test("live events and pages of history in any interleaving are the whole log in order", () => {
  for (let seed = 1; seed <= 300; seed++) {
    const random = seeded(seed);
    /** @param {number} most */
    const upTo = (most) => Math.floor(random() * (most + 1));
    const log = logOf(random, 20 + upTo(120));
    const timeline = new Timeline();
    const begin = upTo(log.length);
    let heard = begin; // events that were told live, or as the beginning
    let known = begin; // events that the server has by now: never fewer
    /** Pages that are under way, in the order in which they were asked for. @type {{ messages: Message[], more: boolean }[]} */
    const pages = [];
    while (heard < log.length || timeline.more) {
      const step = random();
      if (step < 0.4 && known < log.length) {
        known++;
      } else if (step < 0.7 && heard < known) {
        timeline.apply(log[heard++]);
      } else if (step < 0.85 && pages.length < 3) {
        const before = timeline.lines[0]?.seq ?? heard + 1;
        const older = stored(log, known).filter(({ seq }) => seq < before);
        const limit = 1 + upTo(9);
        pages.push({ messages: older.slice(-limit), more: older.length > limit });
      } else {
        const page = pages.shift();
        if (page) timeline.prepend(page.messages, page.more);
      }
      const seqs = timeline.lines.map(({ seq }) => seq);
      assert.deepEqual(seqs, [...new Set(seqs)].sort((one, other) => one - other), `seed ${seed}: ascending, once`);
    }
    assert.deepEqual(timeline.lines, applied(log).lines, `seed ${seed}`);
  }
});

test("page that was read before a change came is shown as changed", () => {
  const timeline = new Timeline();
  timeline.apply({ type: "edited", room: "main", seq: 7, target: 2, text: "new", at: "" });
  timeline.apply({ type: "deleted", room: "main", seq: 8, target: 2, at: "" });
  assert.equal(timeline.prepend([message(1), message(2)], false), 2);
  assert.deepEqual(timeline.lines.map(({ text, edited, deleted }) => [text, edited, deleted]), [["text 1", false, false], ["", true, true]]);
});

test("page that came twice is put in once, and says how much of it was new", () => {
  const timeline = applied([message(3)]);
  assert.equal(timeline.prepend([message(1), message(2)], true), 2);
  assert.equal(timeline.prepend([message(1), message(2)], false), 0);
  assert.deepEqual(timeline.lines.map(({ seq }) => seq), [1, 2, 3]);
  assert.equal(timeline.more, false);
});

test("messages are found by their seq, also where there are gaps", () => {
  const random = seeded(7);
  for (let round = 0; round < 50; round++) {
    const seqs = Array.from({ length: Math.floor(random() * 40) }, (_, index) => 1 + index * 3 + Math.floor(random() * 3));
    const timeline = applied(seqs.map((seq) => message(seq)));
    for (let seq = 0; seq < 125; seq++) {
      assert.equal(timeline.find(seq), seqs.indexOf(seq));
      assert.equal(timeline.after(seq), seqs.filter((one) => one <= seq).length);
    }
    assert.equal(timeline.after(Infinity), seqs.length);
  }
});

test("another history begins with nothing of the one before", () => {
  const timeline = applied([message(5), { type: "deleted", room: "main", seq: 6, target: 2, at: "" }]);
  timeline.more = false;
  timeline.clear();
  assert.deepEqual([timeline.lines, timeline.more], [[], true]);
  timeline.prepend([message(2)], false);
  assert.equal(timeline.lines[0].deleted, false);
});

test("more than a browser holds is forgotten from the beginning, and can be had again", () => {
  const timeline = applied(Array.from({ length: KEPT }, (_, index) => message(index + 1)));
  timeline.more = false;
  assert.equal(timeline.lines.length, KEPT);
  timeline.apply(message(KEPT + 1));
  assert.equal(timeline.lines.length, KEPT / 2 + 1);
  assert.equal(timeline.more, true);
  assert.equal(timeline.lines[0].seq, KEPT / 2 + 1);
  assert.equal(timeline.find(KEPT + 1), KEPT / 2);
  timeline.apply({ type: "deleted", room: "main", seq: KEPT + 2, target: 1, at: "" });
  timeline.prepend([message(1), message(KEPT / 2), message(KEPT / 2 + 1)], true);
  assert.deepEqual(timeline.lines.slice(0, 3).map(({ seq, deleted }) => [seq, deleted]), [[1, true], [KEPT / 2, false], [KEPT / 2 + 1, false]]);
});

test("changes of messages that never come are forgotten, the oldest first", () => {
  const timeline = applied([message(5000)]);
  for (let target = 1; target <= 1001; target++) {
    timeline.apply({ type: "deleted", room: "main", seq: 5000 + target, target, at: "" });
  }
  timeline.prepend([message(1), message(2), message(1001)], false);
  assert.deepEqual(timeline.lines.map(({ deleted }) => deleted), [false, true, true, false]);
});
