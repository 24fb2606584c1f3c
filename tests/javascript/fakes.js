// A browser in the hands of a test: its clock, its network, its storage and its chance.

import assert from "node:assert/strict";
import { webcrypto } from "node:crypto";

import { assertGolden } from "./golden.js";

/** @import { Command, Event } from "../../chat/static/chat/types.js" */

export const WELCOME = /** @type {const} */ ({
  type: "welcome", version: 1, session: "s", sender: { id: "7", name: "Guest 7" }, heartbeat: 8,
  limits: { text: 4000, frame: 65536, posts_per_second: 10, window: 8192 },
});

const RealDate = Date;

/** A fresh browser, whose page is a room's. What modules look up as globals is its from now on. */
export function browser() {
  const clock = new Clock();
  /** @type {FakeSocket[]} */
  const sockets = [];
  /** @type {Request[]} */
  const requests = [];
  const storage = new Storage();
  const chance = { next: () => 1 };
  globals({
    setTimeout: clock.set,
    clearTimeout: clock.clear,
    Date: class extends RealDate {
      /** @param {any[]} given */
      constructor(...given) {
        super(...(/** @type {[any]} */ (given.length ? given : [clock.now])));
      }

      static now() {
        return clock.now;
      }
    },
    WebSocket: class extends FakeSocket {
      /** @param {string | URL} address @param {string} protocol */
      constructor(address, protocol) {
        super(address, protocol);
        sockets.push(this);
      }
    },
    fetch: (/** @type {string} */ address, /** @type {RequestInit} */ init = {}) => {
      const request = new Request(address, init);
      requests.push(request);
      return request.answered;
    },
    location: { href: "https://chat.example/rooms/main/?x=1#end" },
    localStorage: storage,
    crypto: webcrypto,
  });
  Math.random = () => chance.next();
  return { clock, sockets, requests, storage, chance };
}

/** @param {Record<string, unknown>} values */
export function globals(values) {
  for (const [name, value] of Object.entries(values)) {
    Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
  }
}

/** Lets everything run that waits for nothing but its turn. */
export async function turns() {
  for (let turn = 0; turn < 5; turn++) await new Promise((done) => setImmediate(done));
}

/** Time, in milliseconds, that passes when it is told to. */
class Clock {
  now = RealDate.UTC(2026, 2, 1, 12);
  /** @type {Map<number, { call: () => void, at: number, wait: number }>} */
  #timers = new Map();
  #last = 0;

  set = (/** @type {() => void} */ call, wait = 0) => {
    this.#timers.set(++this.#last, { call, at: this.now + wait, wait });
    return this.#last;
  };

  clear = (/** @type {number} */ which) => {
    this.#timers.delete(which);
  };

  /** How long each timer waits that has not rung, the latest last. */
  get waits() {
    return [...this.#timers.values()].map(({ wait }) => wait);
  }

  /** @param {number} milliseconds */
  pass(milliseconds) {
    const end = this.now + milliseconds;
    for (;;) {
      const [next] = [...this.#timers].filter(([, { at }]) => at <= end).sort(([, a], [, b]) => a.at - b.at);
      if (!next) break;
      this.#timers.delete(next[0]);
      this.now = Math.max(this.now, next[1].at);
      next[1].call();
    }
    this.now = end;
  }
}

/** A WebSocket and the server at its other end, which takes no command that is not golden. */
class FakeSocket {
  static OPEN = 1;
  readyState = 0;
  /** @type {any[]} */
  sent = [];
  /** @type {((event: { data: string }) => void) | null} */
  onmessage = null;
  /** @type {((event: { code: number }) => void) | null} */
  onclose = null;

  /** @param {string | URL} address @param {string} protocol */
  constructor(address, protocol) {
    this.address = `${address}`;
    this.protocol = protocol;
  }

  /** @param {string} text */
  send(text) {
    assert.equal(this.readyState, FakeSocket.OPEN, "a WebSocket that is not open throws");
    const commands = JSON.parse(text);
    assert.ok(commands.length <= 100, "a frame has at most 100 commands");
    for (const command of commands) assertGolden(command);
    this.sent.push(...commands);
  }

  close() {
    this.readyState = 3;
  }

  // The server's end

  /** @param {object[]} events */
  hear(...events) {
    this.readyState = 1;
    this.onmessage?.({ data: JSON.stringify(events) });
  }

  /** @param {number} code */
  lose(code = 1006) {
    this.readyState = 3;
    this.onclose?.({ code });
  }

  /** What was sent since this was last asked. @returns {any[]} */
  take() {
    return this.sent.splice(0);
  }
}

/** A request and the server that it waits for. */
class Request {
  /** @type {ReadableStreamDefaultController<Uint8Array> | undefined} */
  #body;
  /** @type {(response: Response) => void} */
  #resolve = () => {};
  /** @type {(error: Error) => void} */
  fail = () => {};

  /** @param {string} address @param {RequestInit} init */
  constructor(address, { method = "GET", headers = {}, body, signal }) {
    const url = new URL(address, "https://chat.example");
    this.method = method;
    this.path = decodeURIComponent(url.pathname);
    this.query = Object.fromEntries(url.searchParams);
    this.headers = /** @type {Record<string, string>} */ (headers);
    this.body = typeof body === "string" ? JSON.parse(body) : undefined;
    if (this.body) {
      const { name, ...command } = this.body;
      assertGolden(command.type === "rename" ? this.body : command); // a name goes with any other
    }
    this.signal = /** @type {AbortSignal} */ (signal);
    /** @type {Promise<Response>} */
    this.answered = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.fail = reject;
    });
    const abort = () => {
      this.fail(new DOMException("aborted", "AbortError"));
      this.cut(new DOMException("aborted", "AbortError"));
    };
    if (this.signal.aborted) abort();
    else this.signal.addEventListener("abort", abort);
  }

  /** @param {unknown} json @param {number} [status] */
  async answer(json, status = 200) {
    this.#resolve(Response.json ? Response.json(json, { status }) : new Response(JSON.stringify(json), { status }));
    await turns();
  }

  /** @param {string} text @param {number} status */
  async page(text, status) {
    this.#resolve(new Response(text, { status, headers: { "Content-Type": "text/html" } }));
    await turns();
  }

  /** Begins a stream of events, as a server does. @param {string} [text] */
  async stream(text = "retry: 500\n\n") {
    const body = new ReadableStream({ start: (controller) => void (this.#body = controller) });
    this.#resolve(new Response(body));
    await this.write(text);
  }

  /** A frame, and the position after it. @param {object[]} events @param {string} [id] */
  async frame(events, id) {
    await this.write(`${id ? `id: ${id}\n` : ""}data: ${JSON.stringify(events)}\n\n`);
  }

  /** @param {string | Uint8Array} part */
  async write(part) {
    this.#body?.enqueue(typeof part === "string" ? new TextEncoder().encode(part) : part);
    await turns();
  }

  async end() {
    this.#body?.close();
    this.#body = undefined;
    await turns();
  }

  /** @param {Error} [error] */
  cut(error = new TypeError("network error")) {
    this.#body?.error(error);
    this.#body = undefined;
  }
}

/** localStorage: switched off, full, or as it should be. */
class Storage {
  /** @param {string} key @returns {string | null} */
  getItem(key) {
    return Object.hasOwn(this, key) ? /** @type {any} */ (this)[key] : null;
  }

  /** @param {string} key @param {string} value */
  setItem(key, value) {
    Object.assign(this, { [key]: `${value}` });
  }

  /** @param {string} key */
  removeItem(key) {
    delete (/** @type {any} */ (this)[key]);
  }

  /** What is kept, by its key. */
  get all() {
    return { ...this };
  }

  /** From now on nothing more fits. */
  fill() {
    Object.defineProperty(this, "setItem", {
      value: () => {
        throw new DOMException("full", "QuotaExceededError");
      },
    });
  }

  /** From now on pages may not so much as mention it. */
  turnOff() {
    Object.defineProperty(globalThis, "localStorage", {
      configurable: true,
      get: () => {
        throw new DOMException("off", "SecurityError");
      },
    });
  }
}

/** Chance that repeats itself: numbers from 0 up to 1, the same for a seed. @param {number} seed */
export function seeded(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** @param {object} about @returns {Extract<Event, { type: "joined" }>} */
export const joined = (about = {}) => ({
  type: "joined", room: "main", title: "Lobby", epoch: "e1", head: 0, recovered: null, online: 1, members: [],
  ...about,
});

/** @param {number} seq @param {object} about @returns {Extract<Event, { type: "message" }>} */
export const message = (seq, about = {}) => ({
  type: "message", room: "main", seq, id: `m${seq}`, sender: { id: "9", name: "Ann" }, text: `text ${seq}`,
  at: "2026-03-01T12:00:00.000Z", ...about,
});
