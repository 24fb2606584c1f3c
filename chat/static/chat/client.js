/** @import { ClientEvents, Command, ErrorEvent, Event, Limits, Position, Reply, Sender, State,
 *    Way } from "./types.js" */

import { Connection } from "./connection.js";
import { Emitter } from "./emitter.js";
import { Later } from "./later.js";
import { PASSING, Room } from "./room.js";
import { Socket } from "./socket.js";
import { recall, remember } from "./storage.js";

// For which a name is refused that is none the worse for it.
const OTHER_REASONS = new Set(["lost", "forbidden", "stale"]);

/**
 * A command that was not carried out; `code` is the protocol's, "lost" without an answer, or "stale"
 * where the page's token counts no longer.
 */
export class Refusal extends Error {
  /** @param {Partial<ErrorEvent>} event */
  constructor({ code = "lost", detail = "", retry_after }) {
    super(detail || code);
    this.code = code;
    this.wait = retry_after;
  }
}

/**
 * A chat: one connection, and the rooms on it.
 *
 * >>> const client = new Client({ socket: "/ws", rooms: "/rooms/" });
 * >>> const room = client.join("main");
 * >>> room.on("log", (event) => console.log(event));
 * >>> room.post("hello");
 * >>> client.open();
 *
 * @extends {Emitter<ClientEvents>}
 */
export class Client extends Emitter {
  /** @type {Sender | undefined} */
  me;
  /** @type {Limits | undefined} */
  limits;
  /** @type {State} */
  state = "connecting";
  /** @type {Map<string, Room>} */
  rooms = new Map();
  #connection; #before; #asked = 0; #closed = false;
  /** @type {Map<number, (reply: Reply) => void>} */
  #waiting = new Map();

  /**
   * @param {{ socket?: string, rooms?: string, token?: string, before?: () => Promise<unknown> }} at
   *   addresses of the WebSocket and, where those may be blocked, of the rooms, with Django's CSRF
   *   token; and what has to be done before the first connection
   */
  constructor({ socket = "/ws", rooms, token = "", before } = {}) {
    super();
    this.#before = before;
    /** @type {Way[]} */
    const ways = [(on) => new Socket(socket, on)];
    if (rooms) ways.push((on) => new Later(streaming(rooms, token), on));
    this.#connection = new Connection(ways, {
      events: (events) => this.#hear(events),
      ready: () => this.#ready(),
      seen: () => this.seen,
      state: (state, code) => this.#changed(state, code),
    });
  }

  async open() {
    this.#closed = false;
    await this.#before?.().catch(() => undefined);
    if (!this.#closed) this.#connection.open();
  }

  /** Comes back now rather than later; where it is there, finds out soon whether it still is. */
  hurry() {
    this.#connection.hurry();
    if (this.state !== "open") return;
    if (this.mention({ type: "rooms" })) this.#connection.expect();
  }

  close() {
    this.#closed = true;
    this.#connection.close();
    this.#changed("closed");
  }

  /** The last seq of each room that is here. @returns {Record<string, number>} */
  get seen() {
    const seen = [...this.rooms.values()].flatMap(({ slug, seq }) => (seq ? [[slug, seq]] : []));
    return Object.fromEntries(seen);
  }

  // Rooms

  /**
   * @param {string} slug
   * @param {{ history?: number, after?: Position }} options how many messages to begin with, or
   *   after which of those that are here already
   */
  join(slug, options = {}) {
    const room = this.rooms.get(slug) ?? new Room(this, slug, options);
    if (!this.rooms.has(slug)) {
      this.rooms.set(slug, room);
      if (this.state === "open") room.enter();
    }
    return room;
  }

  /** @param {Room} room */
  forget(room) {
    this.rooms.delete(room.slug);
    this.mention({ type: "leave", room: room.slug }); // one may have been put out of it
  }

  // Commands

  /** False, and nothing sent, without a connection. @param {Command[]} commands */
  send(...commands) {
    return this.#connection.send(...commands);
  }

  /** Sends what nobody waits for: that it is refused is of no consequence, to posts either. @param {Command} command */
  mention(command) {
    return this.send({ ...command, ref: ++this.#asked });
  }

  /** Whether a frame may be so big; a bigger one ends the connection. @param {Command} command */
  fits(command) {
    const { frame = Infinity } = this.limits ?? {};
    return new TextEncoder().encode(JSON.stringify([command])).length <= frame;
  }

  /**
   * Calls with the direct reply, before what comes after it.
   * @param {Command} command @param {(reply: Reply) => void} reply
   */
  request(command, reply) {
    const ref = ++this.#asked;
    this.#waiting.set(ref, reply);
    if (!this.send({ ...command, ref })) this.#reply(ref, lost(ref));
  }

  /** The direct reply. Throws `Refusal`. @param {Command} command @returns {Promise<Reply>} */
  ask(command) {
    return new Promise((resolve, reject) => {
      this.request(command, (reply) => {
        if (reply.type === "error") reject(new Refusal(reply));
        else resolve(reply);
      });
    });
  }

  /** Takes another name, as a guest; it is kept for the next visit. @param {string} name */
  async rename(name) {
    const before = recall("name");
    remember("name", name);
    try {
      await this.ask({ type: "rename", name });
    } catch (refusal) {
      const code = refusal instanceof Refusal ? refusal.code : "";
      // Who signs in goes by another name, and may sign out again.
      const forGood = !OTHER_REASONS.has(code) && !PASSING.has(code);
      if (code !== "lost") remember("name", forGood && before === name ? null : before);
      throw refusal;
    }
  }

  // What is heard

  #ready() {
    const name = recall("name");
    // The name first, so that nobody sees us under another one.
    if (name) this.rename(name).catch(() => undefined);
    for (const room of this.rooms.values()) room.enter();
  }

  /** @param {Event[]} events */
  #hear(events) {
    for (const event of events) this.#take(event);
    this.emit("settled");
  }

  /** @param {Event} event */
  #take(event) {
    if (event.type === "welcome") {
      this.limits = event.limits;
      this.#is(event.sender);
    } else if (event.type === "renamed") {
      this.#is(event.sender);
    } else if (event.type === "notice") {
      this.emit("notice", event);
    } else if (event.type === "error" && (event.id || event.ref === undefined)) {
      for (const room of this.rooms.values()) room.refused(event);
    } else if ("room" in event) {
      // What answers our own `leave` is of a room that is forgotten, and may have been joined anew.
      if (event.type !== "left" || event.ref === undefined) this.rooms.get(event.room)?.hear(event);
      if (event.type === "joined") this.#connection.settled();
    }
    if ("ref" in event) this.#reply(Number(event.ref), event);
  }

  /** @param {number} ref @param {Reply} event */
  #reply(ref, event) {
    const reply = this.#waiting.get(ref);
    this.#waiting.delete(ref);
    reply?.(event);
  }

  /** @param {Sender} me */
  #is(me) {
    this.me = me;
    this.emit("me", me);
  }

  /** @param {State} state @param {number} [code] */
  #changed(state, code) {
    this.state = state;
    if (state !== "open") {
      for (const room of this.rooms.values()) room.lost(state === "closed");
      for (const ref of [...this.#waiting.keys()]) this.#reply(ref, lost(ref));
    }
    this.emit("state", { state, code });
  }
}

/** The way without WebSockets, which few need. @param {string} rooms @param {string} token @returns {Promise<Way>} */
async function streaming(rooms, token) {
  const { Stream } = await import("./stream.js");
  return (on) => new Stream(rooms, token, on);
}

/** @param {number} ref @returns {ErrorEvent} */
const lost = (ref) => ({ type: "error", code: "lost", detail: "", ref });
