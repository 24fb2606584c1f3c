/** @import { Command, Event, State, Timer, Transport, Way } from "./types.js" */

// Milliseconds. The first wait is short, as most losses are; each failure doubles it.
const FIRST_WAIT = 1_000;
const LONGEST_WAIT = 30_000;
// After a deploy everybody comes back: this spreads them out.
const DEPLOY_WAIT = 5_000;
// A connection that is not open by then is not going to be.
export const OPEN_WAIT = 10_000;

const GOING_AWAY = 4000;
const NO_SIGN_OF_LIFE = 4001;
const LOST = 1006;

// What a living server takes to answer, on any network worth waiting for.
const ANSWER_WAIT = 5_000;

// A server that has sent nothing for this many of its heartbeats is not there.
export const SILENT_HEARTBEATS = 2.5;
// Failures in a row before another way is tried, and before the way that once worked is forgotten.
const OTHER_WAY_AFTER = 2;
const FORGET_AFTER = 5;

/**
 * A connection that comes back by itself, in one of several ways. Knows the protocol's close codes
 * and pings, but no rooms.
 */
export class Connection {
  #ways; #on;
  /** @type {Transport | null} */
  #transport = null;
  /** @type {Timer} */
  #timer;
  /** @type {Timer} */
  #watch;
  #failures = 0;
  #misses = 0;
  #silence = OPEN_WAIT;
  /** @type {Way | undefined} */
  #way;
  /** @type {Way | undefined} */
  #good;

  /**
   * @param {Way[]} ways the best first
   * @param {{ events(events: Event[]): void, ready(): void, seen(): Record<string, number>,
   *   state(state: State, code?: number): void }} on `seen` is what a pong tells the server
   */
  constructor(ways, on) {
    this.#ways = ways;
    this.#on = on;
  }

  open() {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#drop();
    this.#silence = OPEN_WAIT;
    this.#on.state("connecting");
    const other = this.#misses < OTHER_WAY_AFTER ? 0 : this.#misses - OTHER_WAY_AFTER + 1;
    this.#way = this.#good ?? this.#ways[other % this.#ways.length];
    this.#listen();
    /** @type {Transport | undefined} */
    let transport;
    // What a transport says after it was given up is no longer of interest.
    const current = () => transport !== undefined && this.#transport === transport;
    try {
      transport = this.#way({
        ready: () => { if (current()) this.#ready(); },
        events: (events) => { if (current()) this.#hear(events); },
        closed: (code) => { if (current()) this.#lost(code); },
      });
      this.#transport = transport;
    } catch {
      this.#lost(LOST);
    }
  }

  /** Comes back now rather than later; where it is not to come back, it does not. */
  hurry() {
    if (this.#timer !== undefined) this.open();
  }

  /** Something was sent just now that has an answer: where none comes soon, nobody is there. */
  expect() {
    if (this.#transport) this.#listen(ANSWER_WAIT);
  }

  close() {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#drop();
  }

  /** False, and nothing sent, without a connection. @param {Command[]} commands */
  send(...commands) {
    return this.#transport?.send(commands) ?? false;
  }

  /** The connection has proved good: the next loss starts with a short wait again. */
  settled() {
    this.#failures = this.#misses = 0;
    // Another way is only taken until the next loss: what was in the way may be gone.
    this.#good = this.#way === this.#ways[0] ? this.#way : undefined;
  }

  #ready() {
    this.#on.ready();
    this.#on.state("open");
  }

  /** @param {Event[]} events */
  #hear(events) {
    for (const event of events) {
      if (event.type === "welcome") this.#silence = event.heartbeat * SILENT_HEARTBEATS * 1000;
    }
    this.#listen();
    this.#on.events(events);
    if (events.some(({ type }) => type === "ping")) {
      this.send({ type: "pong", seen: this.#on.seen() });
    }
  }

  #listen(silence = this.#silence) {
    clearTimeout(this.#watch);
    // A dead network closes nothing: without this the page would wait for ever.
    this.#watch = setTimeout(() => {
      if (this.#transport?.idle) this.#listen();
      else this.#lost(NO_SIGN_OF_LIFE);
    }, silence);
  }

  #drop() {
    clearTimeout(this.#watch);
    const transport = this.#transport;
    this.#transport = null;
    transport?.close();
  }

  /** @param {number} code */
  #lost(code) {
    this.#drop();
    if (code >= 4500 && code <= 4999) {
      this.#on.state("closed", code);
      return;
    }
    this.#failures += 1;
    // Without a network no way is better than another.
    if (globalThis.navigator?.onLine !== false) this.#misses += 1;
    if (this.#misses >= FORGET_AFTER) this.#good = undefined;
    const most = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** (this.#failures - 1));
    const wait = Math.random() * (code === GOING_AWAY ? Math.max(most, DEPLOY_WAIT) : most);
    this.#timer = setTimeout(() => this.open(), wait);
    this.#on.state("waiting", code);
  }
}
