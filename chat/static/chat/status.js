/** @import { ChatRoom } from "./chat-room.js" */
/** @import { Client } from "./client.js" */
/** @import { Room } from "./room.js" */
/** @import { ErrorEvent, Left, State } from "./types.js" */

import { Refusal } from "./client.js";
import { endTime, put } from "./words.js";

// A shorter loss is nobody's concern: neither shown nor read out.
const SHORT = 1_500;
const SECOND = 1_000;
// The code that ends the connection of whoever is banned from the whole chat.
const REMOVED = 4503;
// Sentences about posts that wait: done with when none does.
const ABOUT_WAITING = new Set(["unsent", "slow", "rate_limited", "unavailable"]);
// Sentences about not being connected, or not in the room: done with when one is. Others stay: over
// HTTP one joins anew each minute.
const ABOUT_BEING_AWAY = new Set([...ABOUT_WAITING, "lost", "soon"]);

/** How the connection is, and what became of what one did: told in a sentence of the template's. */
export class Status {
  #element; #room; #client; #notice; #countdown;
  /** By which code the connection was closed for good. @type {number | undefined} */
  #code;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #patience;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #ticking;
  /** The state of which the sentence tells. @type {string | undefined} */
  #told;
  /** Not in the room, and not to come into it by waiting. */
  #out = false;
  /** Until when and why we were removed from the whole chat. @type {{ until?: string, reason?: string }} */
  #removal = {};
  /** The network went, and nothing was heard since. */
  #cut = false;

  /** @param {ChatRoom} element @param {Room} room @param {Client} client */
  constructor(element, room, client) {
    this.#element = element;
    this.#room = room;
    this.#client = client;
    /** @type {HTMLElement} */
    this.#notice = element.piece("notice");
    /** @type {HTMLElement} */
    this.#countdown = element.piece("countdown");
    const { signal } = element;
    addEventListener("offline", () => {
      this.#cut = true;
      client.hurry();
      this.#show();
    }, { signal });
    addEventListener("online", () => this.#show(), { signal });
    element.ends(
      client.on("state", ({ code }) => {
        this.#cut = false;
        this.#show(code);
      }),
      client.on("notice", (notice) => {
        if (notice.code === "removed") this.#removal = notice;
      }),
      client.on("settled", () => {
        if (!this.#cut) return;
        this.#cut = false;
        this.#show();
      }),
      room.on("joined", () => {
        const away = this.#out || ABOUT_BEING_AWAY.has(this.#notice.dataset.says ?? "");
        this.#out = false;
        if (away && !this.slow) this.say("");
        this.#show();
      }),
      room.on("left", (event) => this.#left(event)),
      room.on("trouble", (error) => this.#trouble(error)),
      room.on("outbox", () => {
        if (!room.outbox.next && ABOUT_WAITING.has(this.#notice.dataset.says ?? "")) this.say("");
      }),
      () => clearInterval(this.#ticking),
    );
    element.piece("retry").addEventListener("click", () => client.hurry(), { signal });
    this.#show();
  }

  /** Whether nothing can be said any more, and waiting does not help. */
  get over() {
    return this.#out || this.#client.state === "closed";
  }

  /** Whether the seconds are counted until a message is sent. */
  get slow() {
    return this.#notice.dataset.says === "slow";
  }

  // Sentences

  /**
   * The template's sentence of that name, or where it has none, `text`.
   * @param {string} which @param {{ text?: string, [word: string]: string | number | undefined }} words
   */
  sentence(which, { text = "", ...words } = {}) {
    return put(this.#notice.getAttribute(`data-${which}`) ?? text, words);
  }

  /**
   * Shows and reads out a sentence; as a refusal, unless it is `calm`.
   * @param {string} which @param {Parameters<Status["sentence"]>[1]} words
   */
  say(which, words = {}, calm = ABOUT_WAITING.has(which)) {
    clearInterval(this.#ticking);
    this.#countdown.textContent = "";
    this.#notice.textContent = this.sentence(which, words);
    this.#notice.dataset.says = which;
    this.#notice.classList.toggle("refusal", !calm);
  }

  /** Reads a sentence out, and does not show it. @param {string} text */
  tell(text) {
    this.#element.piece("voice").replaceChildren(text); // again, too, if it is the same
  }

  /** What was refused is put right, or given up. */
  settle() {
    if (!this.over && this.#notice.classList.contains("refusal")) this.say("");
  }

  /**
   * Says why, where a command is refused; whether it was carried out.
   * @param {Promise<unknown> | undefined} command
   * @param {(code: string) => string} which the sentence for a code
   * @param {Status["say"]} say
   */
  async try(command, which = (code) => code, say = (...all) => this.say(...all)) {
    try {
      await command;
      this.settle();
      return true;
    } catch (refusal) {
      if (!(refusal instanceof Refusal)) throw refusal;
      const { code, message: text, wait = 0 } = refusal;
      if (code === "rate_limited") say("too_fast", { seconds: Math.max(1, Math.ceil(wait)) }, false);
      else if (code === "unavailable") say("undone"); // only posts are tried again
      else say(code === "lost" || code === "stale" ? code : which(code), { text });
      return false;
    }
  }

  // The seconds go by for the eyes alone; they are read out once.
  /** @param {number} seconds */
  #countDown(seconds) {
    const end = Date.now() + seconds * SECOND;
    const show = () => {
      const left = Math.ceil((end - Date.now()) / SECOND);
      this.#countdown.textContent = left > 0 ? this.sentence("slow", { seconds: left }) : "";
      if (left <= 0) clearInterval(this.#ticking);
    };
    this.say("", {}, true); // no refusal: typing on does not settle it
    this.#notice.dataset.says = "slow";
    this.tell(this.sentence("slow", { seconds: Math.ceil(seconds) }));
    show();
    this.#ticking = setInterval(show, SECOND);
  }

  // What is heard

  /** @param {ErrorEvent} error */
  #trouble({ code, detail: text, id, retry_after: wait = 0 }) {
    if (code === "lost") return;
    if (id === undefined && !this.#room.joined && !ABOUT_WAITING.has(code)) {
      if (this.#out) return; // why, is said already
      this.#out = true;
      this.#show();
    }
    if (id === undefined && code === "rate_limited" && !this.#room.joined) {
      this.say("soon", {}, true);
    } else if (ABOUT_WAITING.has(code)) {
      if (id !== undefined && code === "rate_limited" && wait >= 2) this.#countDown(wait);
      else this.say(code, { text });
    } else if (id === undefined) {
      this.say(code, { text });
    } else {
      this.tell(this.sentence(code, { text })); // the message itself shows it
    }
  }

  /** @param {Left} event */
  #left({ code, reason }) {
    this.#out = true;
    this.#show();
    this.say("", { text: this.#because(this.sentence(code === "removed" ? "removed" : "left"), reason) });
  }

  /** The connection is over for good. @param {string} otherwise what is said where there is no sentence for its code */
  #ended(otherwise) {
    const which = `closed-${this.#code}`;
    const { until, reason } = this.#code === REMOVED ? this.#removal : {};
    const text = until
      ? this.sentence(`${which}-until`, { until: endTime(new Date(until)) })
      : this.sentence(which, { text: otherwise });
    this.say("", { text: this.#because(text, reason) });
  }

  /** @param {string} sentence @param {string} [reason] */
  #because(sentence, reason) {
    return reason ? `${sentence} ${this.sentence("reason", { reason })}` : sentence;
  }

  /** @param {number} [code] */
  #show(code) {
    const room = this.#room, element = this.#element;
    /** @type {State | "offline"} */
    let state = this.#client.state;
    if (state === "open" && this.#cut) state = navigator.onLine ? "connecting" : "offline";
    if (state === "open" && !room.joined) state = this.#out ? "closed" : "connecting";
    if (state === "waiting" && !navigator.onLine) state = "offline";
    element.dataset.state = state;
    const sentence = element.piece("state");
    const show = () => {
      this.#patience = undefined;
      const { state } = element.dataset;
      // In a long loss it is tried again and again: that is told once, and the button stays where it is.
      if (state === this.#told || (state === "connecting" && this.#told === "waiting")) return;
      this.#told = state;
      sentence.textContent = sentence.getAttribute(`data-${state}`) ?? "";
      element.hide(element.piece("retry"), state !== "waiting");
    };
    if ((state === "connecting" || state === "waiting") && !sentence.textContent) {
      this.#patience ??= setTimeout(show, SHORT);
    } else {
      clearTimeout(this.#patience);
      show();
    }
    this.#code = code ?? this.#code;
    if (this.#client.state === "closed") this.#ended(sentence.dataset.closed);
    else if (state !== "open" && room.outbox.next && this.#notice.dataset.says !== "unsent") this.say("unsent");
    element.composer?.look();
  }
}
