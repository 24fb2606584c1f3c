// Streams whose server is in the hands of a test.

import assert from "node:assert/strict";

import { Stream } from "../../chat/static/chat/stream.js";
import { WELCOME, browser, joined, message, turns } from "./fakes.js";

/** A stream that is open, and what was heard of it: events, "ready", or the code of its end. */
export async function opened() {
  const { clock, requests } = browser();
  /** @type {any[]} */
  const heard = [];
  const stream = new Stream("/rooms/", "secret", {
    ready: () => heard.push("ready"),
    events: (events) => heard.push(...events),
    closed: (code) => heard.push(code),
  });
  await turns();
  assert.deepEqual(heard.splice(0), ["ready"]);
  const last = () => requests[requests.length - 1];
  return { clock, stream, heard, requests, last };
}

/** A stream on which one room was joined, up to seq 3. */
export async function inMain() {
  const page = await opened();
  page.stream.send([{ type: "join", room: "main", history: 2, ref: 1 }]);
  await turns();
  await page.last().stream();
  await page.last().frame([WELCOME, joined({ head: 3 })], "e1:1");
  await page.last().frame([message(2), message(3)], "e1:3");
  page.heard.length = 0;
  return page;
}

/** @param {any[]} events */
export const types = (events) => events.map((event) => event.type ?? event);
