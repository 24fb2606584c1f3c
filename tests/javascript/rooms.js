// Rooms whose server is in the hands of a test.

import { Client } from "../../chat/static/chat/client.js";
import { WELCOME, browser, joined, message } from "./fakes.js";

/** @import { Room } from "../../chat/static/chat/room.js" */
/** @import { RoomEvents } from "../../chat/static/chat/types.js" */

export const ME = WELCOME.sender;
const NAMES = /** @type {(keyof RoomEvents)[]} */ (["joined", "log", "outbox", "people", "typing", "trouble", "left"]);

/**
 * A client that was welcomed, with its main room, and the server's end of it.
 * @param {Parameters<Client["join"]>[1]} [options]
 */
export async function page(options) {
  const world = browser();
  const client = new Client();
  const room = client.join("main", options);
  const told = listen(room);
  await client.open();
  const server = () => world.sockets[world.sockets.length - 1];
  server().hear(WELCOME);
  /** Comes back after a loss. @param {number} [code] */
  const comeBack = (code) => {
    server().lose(code);
    world.clock.pass(30_000);
    server().hear(WELCOME);
  };
  return { ...world, client, room, told, server, comeBack };
}

/** A page whose room was joined, at the head of its log. */
export async function inMain(head = 7) {
  const found = await page({ history: 20, after: { epoch: "e1", seq: head } });
  const [join] = found.server().take();
  found.server().hear(joined({ head, recovered: true, ref: join.ref }));
  found.told.length = 0;
  return found;
}

/** All that a room tells, as [name, value]. @param {Room} room */
export function listen(room) {
  /** @type {[string, any][]} */
  const told = [];
  for (const name of NAMES) room.on(name, (value) => told.push([name, value]));
  return told;
}

/** @param {[string, any][]} told @param {string} name */
export const only = (told, name) => told.filter(([one]) => one === name).map(([, value]) => value);

/** @param {number} seq @param {string} id */
export const own = (seq, id, text = "hi") => message(seq, { id, sender: ME, text });

/** @param {number} seq @param {string} id */
export const ack = (seq, id, duplicate = false) => ({ type: "ack", room: "main", id, seq, duplicate });

/** @param {Room} room */
export const waiting = ({ outbox }) => outbox.posts.map(({ text, state }) => [text, state]);
