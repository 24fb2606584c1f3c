/** @import { Client } from "./client.js" */
/** @import { Action, Command, ErrorEvent, Event, Joined, Logged, Position, Presence, Right, RoomEvents,
 *    Sender, Silence, Timer } from "./types.js" */

import { Emitter } from "./emitter.js";
import { Outbox } from "./outbox.js";

// Sent again while these last; anything else is the writer's to put right.
export const PASSING = new Set(["rate_limited", "unavailable"]);
// Seconds, where the server does not say how long.
export const WAIT = 2;

// Milliseconds between two words that one is typing.
const TYPING_EVERY = 3_000;

/**
 * One room: its place in the log, who is there, and one's own posts that wait.
 * @extends {Emitter<RoomEvents>}
 */
export class Room extends Emitter {
  title = "";
  joined = false;
  online = 0;
  /** @type {Map<string, Sender>} */
  people = new Map();
  /** What there is to do here besides reading. @type {Set<Right>} */
  may = new Set();
  outbox;
  epoch = "";
  /** The last seq of the log that is here; undefined until one is. @type {number | undefined} */
  seq;
  #client; #history; #typed = 0;
  /** The post that is under way. @type {string | undefined} */
  #sent;
  /** @type {Timer} */
  #rejoin;
  /** @type {Timer} */
  #resend;
  #gone = new AbortController();

  /**
   * @param {Client} client
   * @param {string} slug
   * @param {{ history?: number, after?: Position }} options
   */
  constructor(client, slug, { history = 50, after }) {
    super();
    this.slug = slug;
    this.outbox = new Outbox(slug);
    this.#client = client;
    this.#history = history;
    if (after) ({ epoch: this.epoch, seq: this.seq } = after);
    this.outbox.follow(() => (this.joined ? this.#goOn() : this.emit("outbox")), this.#gone.signal);
  }

  /** Joins, where the log was left if anything of it is here. */
  enter() {
    clearTimeout(this.#rejoin);
    const { slug: room, epoch, seq } = this;
    const after = seq === undefined ? undefined : { epoch, seq };
    this.#client.request({ type: "join", room, history: this.#history, after }, (reply) => {
      if (reply.type === "error") this.#refused(reply);
    });
  }

  /** Begins anew, from the last messages: for one more who shows them. */
  again() {
    this.seq = undefined;
    // Also while a join is under way, which goes on from where the first was.
    if (this.#client.state === "open") this.enter();
  }

  leave() {
    this.#gone.abort();
    this.lost();
    this.#client.forget(this);
  }

  /** The connection is gone, perhaps for good. */
  lost(forGood = false) {
    clearTimeout(this.#rejoin);
    clearTimeout(this.#resend);
    this.joined = false;
    this.#sent = undefined;
    if (forGood) this.#empty();
  }

  /** Of those who are here, one hears no more. */
  #empty() {
    this.online = 0;
    this.people.clear();
    this.emit("people");
  }

  // What is said

  /** @param {string} text */
  post(text) {
    const post = this.outbox.add(text.toWellFormed?.() ?? text, this.#client.me?.id ?? "");
    this.#typed = 0;
    this.emit("outbox");
    this.#send();
    return post;
  }

  /** @param {string} id */
  retry(id) {
    const post = this.outbox.find(id);
    if (post) this.outbox.retry(post);
    this.emit("outbox");
    this.#send();
  }

  /** What one gives up to have said. @param {string} id */
  discard(id) {
    const post = this.outbox.takeBack(id);
    this.emit("outbox");
    return post;
  }

  /** @param {number} seq @param {string} text */
  edit(seq, text) {
    return this.#client.ask({ type: "edit", room: this.slug, seq, text });
  }

  /** @param {number} seq */
  delete(seq) {
    return this.#client.ask({ type: "delete", room: this.slug, seq });
  }

  /**
   * What a moderator does: "delete" to a message, by its seq; "mute", "unmute", "remove" and "restore"
   * to somebody, by the sender's id.
   * @param {Action} action @param {number | string} target
   * @param {{ until?: string, reason?: string }} about
   */
  moderate(action, target, { until, reason } = {}) {
    return this.#client.ask({ type: "moderate", room: this.slug, action, target, until, reason });
  }

  /** The messages just before a seq. @param {number} before @param {number} limit */
  history(before, limit = 50) {
    return this.#client.ask({ type: "history", room: this.slug, before, limit });
  }

  /** Others are told, now and then. */
  typing() {
    const now = Date.now();
    if (!this.joined || now - this.#typed < TYPING_EVERY) return;
    this.#typed = now;
    this.#client.mention({ type: "typing", room: this.slug });
  }

  // What was left behind in the storage is sent as well.
  #goOn() {
    if (this.#client.me) this.outbox.load(this.#client.me.id);
    this.emit("outbox");
    this.#send();
  }

  // Posts go out one at a time, so that none overtakes another; the one that is under way comes
  // again under the same id after a loss, and the server stores it once.
  #send() {
    const post = this.joined && this.#sent === undefined ? this.outbox.next : undefined;
    if (!post) return;
    const { id, text } = post;
    /** @type {Command} */
    const command = { type: "post", room: this.slug, text, id };
    this.#sent = id;
    if (!this.#client.fits(command)) this.refused({ type: "error", code: "too_long", detail: "", id });
    else if (!this.#client.send(command)) this.#sent = undefined;
  }

  // What is heard

  /** @param {Event} event */
  hear(event) {
    switch (event.type) {
      case "joined":
        return this.#entered(event);
      case "message":
      case "edited":
      case "deleted":
        return this.#logged(event);
      case "ack":
        return event.id && this.#stored(event.id, event.seq);
      case "presence":
        return this.#changed(event);
      case "typing":
        return this.emit("typing", event.sender);
      case "rights":
        return this.#allowed(event.may, event);
      case "left":
        this.joined = false;
        this.#empty();
        return this.emit("left", event);
    }
  }

  /** @param {Joined} event */
  #entered(event) {
    const { title, epoch, head, recovered, online, members, may } = event;
    const fresh = !recovered;
    this.joined = true;
    this.title = title;
    this.online = online;
    this.people = new Map(members.map((member) => [member.id, member]));
    this.epoch = epoch;
    if (fresh) {
      // The messages that come now tell where the log begins for us; without any it is its head.
      this.seq = head === 0 || this.#history === 0 ? head : undefined;
      this.outbox.posts = this.outbox.posts.filter(({ state }) => state !== "stored");
    }
    this.emit("joined", { fresh, head });
    if (may) this.#allowed(may, event);
    this.emit("people");
    this.#goOn();
  }

  /** @param {Right[]} may @param {Silence} silence */
  #allowed(may, { code, until, reason }) {
    this.may = new Set(may);
    this.emit("rights", { code, until, reason });
  }

  /** Each event of the log is news once, and in order. @param {Logged} event */
  #logged(event) {
    const { seq = event.seq - 1 } = this;
    if (!this.joined || event.seq <= seq) return;
    if (event.seq > seq + 1) {
      this.joined = false; // there is a hole: what is missing comes from the log, with what follows
      return this.enter();
    }
    this.seq = event.seq;
    const post = event.type === "message" && this.outbox.find(event.id);
    if (post && (!post.me || post.me === event.sender.id)) this.#stored(post.id, event.seq);
    this.emit("log", event);
  }

  /** A post of ours is in the log; until it is here, the outbox has it. @param {string} id @param {number} seq */
  #stored(id, seq) {
    const here = seq <= (this.seq ?? 0);
    if (here ? this.outbox.remove(id) : this.outbox.stored(id)) this.emit("outbox");
    this.#answered(id);
  }

  /** @param {string | undefined} id */
  #answered(id) {
    if (this.#sent !== id) return;
    this.#sent = undefined;
    this.#send();
  }

  /** @param {Presence} event */
  #changed({ online, joined, left }) {
    this.online = online;
    for (const { id } of left) this.people.delete(id);
    for (const member of joined) this.people.set(member.id, member);
    this.emit("people");
  }

  /** An error that a post of ours is answered with, or where that could not be read. @param {ErrorEvent} error */
  refused(error) {
    const post = this.outbox.find(error.id ?? this.#sent ?? "");
    if (!post) return this.#answered(error.id);
    if (PASSING.has(error.code)) {
      const { retry_after = WAIT } = error;
      this.#resend = setTimeout(() => this.#answered(post.id), retry_after * 1000);
      return this.emit("trouble", { ...error, retry_after });
    }
    this.outbox.fail(post, error.code);
    this.emit("outbox");
    this.emit("trouble", error);
    this.#answered(post.id);
  }

  /** @param {ErrorEvent} error */
  #refused(error) {
    if (this.#gone.signal.aborted) return;
    this.joined = false;
    if (PASSING.has(error.code)) {
      this.#rejoin = setTimeout(() => this.enter(), (error.retry_after ?? WAIT) * 1000);
    }
    this.emit("trouble", error);
  }
}
