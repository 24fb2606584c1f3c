// Clients whose server is in the hands of a test.

import assert from "node:assert/strict";

import { Client, Refusal } from "../../chat/static/chat/client.js";
import { browser } from "./fakes.js";

/** @import { State } from "../../chat/static/chat/types.js" */

/** @param {string[]} rooms that are joined */
export async function page(...rooms) {
  const world = browser();
  const client = new Client();
  for (const room of rooms) client.join(room, { history: 0 });
  /** @type {[State, number | undefined][]} */
  const states = [];
  client.on("state", ({ state, code }) => states.push([state, code]));
  await client.open();
  const server = () => world.sockets[world.sockets.length - 1];
  return { ...world, client, states, server };
}

/** @param {Promise<unknown>} asked */
export async function refusalOf(asked) {
  const found = await asked.then(() => undefined, (error) => error);
  assert.ok(found instanceof Refusal);
  return found;
}
