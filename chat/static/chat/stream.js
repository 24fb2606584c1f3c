/** @import { Command, Event, Hears, Reading, Ref, Timer, Transport } from "./types.js" */
/** @typedef {Exclude<Command, { type: "join" | "leave" | "pong" }>} Said */

import { OPEN_WAIT, SILENT_HEARTBEATS } from "./connection.js";

const LOST = 1006;
// A stream this old ends, and its successor tells the server what was seen. Seconds.
const LASTS = 60;

/**
 * The way where WebSockets are blocked: each room is read as server-sent events, and what is said is
 * posted. @implements {Transport}
 */
export class Stream {
  #rooms; #token; #on; #name = ""; #over = new AbortController(); #silence = OPEN_WAIT;
  /** @type {Map<string, Reading>} */
  #reading = new Map();
  // A name that is asked for: rooms wait for it, so that nobody sees us under another one.
  #naming = Promise.resolve();

  /**
   * @param {string} rooms address of all rooms, with a slash at its end
   * @param {string} token against forged requests, as Django has it
   * @param {Hears} on
   */
  constructor(rooms, token, on) {
    this.#rooms = rooms;
    this.#token = token;
    this.#on = on;
    queueMicrotask(() => on.ready());
  }

  get idle() {
    return this.#reading.size === 0;
  }

  /** @param {Command[]} commands */
  send(commands) {
    for (const command of commands) {
      if (command.type === "join") this.#join(command);
      else if (command.type === "leave") this.#leave(command);
      else if (command.type === "rename") this.#naming = this.#post(command);
      else if (command.type !== "pong") this.#post(command);
    }
    return true;
  }

  close() {
    this.#over.abort();
    for (const room of this.#reading.keys()) this.#stop(room);
  }

  // What is heard

  /** @param {Extract<Command, { type: "join" }>} command */
  #join({ room, after, history, ref }) {
    const begin = { history: `${history ?? ""}`, after: after ? `${after.epoch}:${after.seq}` : "" };
    this.#read(room, begin, ref);
  }

  /** @param {Extract<Command, { type: "leave" }>} command */
  #leave({ room, ref }) {
    this.#stop(room);
    this.#on.events([{ type: "left", room, ref }]);
  }

  /** @param {string} room */
  #stop(room) {
    this.#reading.get(room)?.end.abort();
    this.#reading.delete(room);
  }

  /** @param {string} room @param {Reading["place"]} place @param {Ref} [ref] */
  #read(room, place, ref) {
    this.#stop(room);
    const reading = { room, place, ref, end: new AbortController() };
    this.#reading.set(room, reading);
    /** @type {Timer} */
    let watch;
    // Of several streams one may die without a word: the others are no sign of its life.
    const alive = () => {
      clearTimeout(watch);
      watch = setTimeout(() => this.#on.closed(LOST), this.#silence);
    };
    this.#follow(reading, alive).catch(() => {
      if (!reading.end.signal.aborted) this.#on.closed(LOST);
    }).finally(() => clearTimeout(watch));
  }

  /**
   * Reads one stream after the other, each from where the last one ended.
   * @param {Reading} reading @param {() => void} alive called whenever there is a sign of life
   */
  async #follow(reading, alive) {
    const { room, end: { signal } } = reading;
    await this.#naming;
    while (!signal.aborted) {
      const { place, ref } = reading;
      const query = { ...place, name: this.#name, seconds: `${LASTS}` };
      const given = new URLSearchParams(Object.entries(query).filter(([, value]) => value));
      const headers = { Accept: "text/event-stream" };
      alive();
      const answer = await fetch(`${this.#address(room)}/events?${given}`, { signal, headers });
      if (!answer.ok) {
        // It was joined, and cannot be again: the next connection's join is told why.
        // And where the site's HTTP has no chat at all, this way leads nowhere.
        if (ref === undefined || answer.status === 501) throw new Error(answer.statusText);
        const refusal = await eventsOf(answer, { ref });
        if (signal.aborted) return;
        if (!refusal) throw new Error(answer.statusText);
        this.#stop(room);
        return this.#on.events(refusal);
      }
      for await (const { id, event, data } of messages(answer, alive)) {
        if (signal.aborted) return;
        if (event === "close") return this.#on.closed(JSON.parse(data).code);
        if (id) reading.place = { ...place, after: id };
        if (data) this.#hear(JSON.parse(data), reading);
      }
      // Every stream has a `joined`: this is some other page, and would be again at once.
      if (reading.place === place) throw new Error("not a stream");
    }
  }

  /** Passes it on, with the `ref` that the server does not know. @param {Event[]} events @param {Reading} reading */
  #hear(events, reading) {
    const { room, ref } = reading;
    const welcome = events.find((event) => event.type === "welcome");
    if (welcome) this.#silence = welcome.heartbeat * SILENT_HEARTBEATS * 1000;
    if (events.some(({ type }) => type === "joined")) reading.ref = undefined;
    // What is for the whole site comes with every room.
    const [first] = this.#reading.keys();
    if (events.some(({ type }) => type === "left")) this.#stop(room);
    const news = events.filter((event) => event.type !== "notice" || event.room || room === first);
    this.#on.events(news.map((event) => (event.type === "joined" ? { ...event, ref } : event)));
  }

  // What is said

  /** @param {Said} command */
  async #post(command) {
    const events = await this.#ask(command);
    const [event] = events ?? [];
    if (event?.type === "renamed") {
      this.#name = event.sender.name; // which goes with each request from now on
      for (const { room, place, ref } of [...this.#reading.values()]) this.#read(room, place, ref);
    }
    this.#answer(events);
  }

  /** @param {Event[] | undefined} events */
  #answer(events) {
    if (this.#over.signal.aborted) return;
    // Whether it was stored is not known: after coming back it is sent again under the same id.
    if (events) this.#on.events(events);
    else this.#on.closed(LOST);
  }

  /** Undefined without an answer. @param {Said} command */
  async #ask(command) {
    const { ref } = command;
    const room = "room" in command ? command.room : "main";
    // It goes another way than the streams do, which may live on.
    const late = setTimeout(() => this.#on.closed(LOST), this.#silence);
    try {
      const answer = await fetch(`${this.#address(room)}/messages`, {
        method: "POST",
        headers: { "Content-Type": "application/json", "X-CSRFToken": this.#token },
        body: JSON.stringify({ name: this.#name || undefined, ...command }),
        signal: this.#over.signal,
      });
      const about = "id" in command ? { ref, id: command.id } : { ref };
      return await eventsOf(answer, about) ?? refusalOf(answer, about);
    } catch {
      return undefined;
    } finally {
      clearTimeout(late);
    }
  }

  /** @param {string} room */
  #address(room) {
    return this.#rooms + encodeURIComponent(room);
  }
}

/**
 * What the chat says of the command with that `ref` and `id`; undefined where it was somebody else who answered.
 * @param {Response} answer @param {{ ref?: Ref, id?: string }} about @returns {Promise<Event[] | undefined>}
 */
async function eventsOf(answer, about) {
  const events = [await answer.json().catch(() => undefined)].flat();
  if (!events.every((event) => typeof event?.type === "string")) return undefined;
  return events.map((event) => ({ ...event, ...about }));
}

/**
 * What became of a command that was refused before it came to the chat: by Django, for want of a token that
 * counts, as after signing in or out in another tab; or by what stands before it. Undefined where it may be
 * taken another time, as by a site that is just being replaced.
 * @param {Response} answer @param {{ ref?: Ref, id?: string }} about @returns {Event[] | undefined}
 */
function refusalOf({ status }, about) {
  if (status < 400 || status > 499 || status === 404 || status === 408) return undefined;
  const code = { 403: "stale", 413: "too_long", 429: "rate_limited" }[status] ?? "forbidden";
  return [{ type: "error", code, detail: "", ...about }];
}

/** The messages of a stream of server-sent events. @param {Response} answer @param {() => void} alive called for each part */
async function* messages(answer, alive) {
  const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (let part = await reader?.read(); part && !part.done; part = await reader?.read()) {
    alive();
    const whole = (rest + part.value).split("\n\n");
    rest = whole.pop() ?? "";
    for (const message of whole) {
      const fields = { id: "", event: "", data: "" };
      for (const line of message.split("\n")) {
        const [, name, value] = /^(\w+): ?(.*)$/s.exec(line) ?? [];
        if (name === "id" || name === "event" || name === "data") fields[name] += value;
      }
      yield fields;
    }
  }
}
