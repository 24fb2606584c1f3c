import assert from "node:assert/strict";
import { test } from "node:test";

import { commands, events, invalid } from "./golden.js";

test("every frame of events is an array of objects with a type", () => {
  assert.ok(events.length > 0);
  for (const { about, frame } of events) {
    assert.ok(Array.isArray(frame) && frame.length > 0, about);
    for (const event of frame) assert.equal(typeof event.type, "string", about);
  }
});

test("every command has a type, alone or in an array", () => {
  assert.ok(commands.length > 0);
  for (const { about, frame } of commands) {
    for (const command of [frame].flat()) assert.equal(typeof command.type, "string", about);
  }
});

test("everything that is invalid says its error's code, and what is no JSON is text", () => {
  assert.ok(invalid.length > 0);
  for (const { about, error, text } of invalid) {
    assert.equal(typeof error.code, "string", about);
    if (text === undefined) continue;
    let parsed;
    try {
      parsed = JSON.parse(text);
    } catch {
      continue;
    }
    // Half a character passes JavaScript's parser; nothing else does.
    assert.ok(!parsed.text.isWellFormed?.(), about);
  }
});
