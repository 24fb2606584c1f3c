/** @import { Post, Timer } from "./types.js" */

import { keys, recall, remember, watch } from "./storage.js";

// Milliseconds. What waited longer is no longer sent without being asked.
const OLD = 24 * 3600_000;
// What another tab has not sent by then, this one sends as well.
const OTHERS_WAIT = 5_000;
// The number of the first guest; users have lower ones.
const GUESTS_FROM = 2 ** 30;

/**
 * The posts of one room that are not in its log yet, oldest first. They survive a reload and the end
 * of their tab: a post that two tabs send is stored once.
 */
export class Outbox {
  #key; #takenBack;
  /** @type {Post[]} */
  posts = [];

  /** @param {string} room */
  constructor(room) {
    this.#key = `post.${room}.`;
    this.#takenBack = `taken-back.${room}.`;
  }

  /** Takes over what was left behind on earlier pages. @param {string} me */
  load(me) {
    this.#forget();
    // What somebody else wrote here, before signing in or out, waits for them in the storage.
    this.posts = this.posts.filter((post) => !post.me || post.me === me).map(aged);
    for (const post of this.posts) if (!post.me) this.#keep(Object.assign(post, { me }));
    for (const id of keys(this.#key)) {
      const post = parse(recall(this.#key + id), id);
      if (!post || this.#isTakenBack(id)) remember(this.#key + id, null);
      else if (this.find(id)) continue;
      else if (post.me === me) this.#put(aged(revived(post)));
      // Users are asked about what was written before they signed in, perhaps by somebody else.
      else if (!post.me && isUser(me)) this.#put({ ...post, me, state: "failed", code: "earlier" });
      else if (!post.me) this.#keep(aged(revived({ ...post, me })));
    }
  }

  // What was taken back in another tab is not sent from here either, also if this one was asleep then.
  #forget() {
    this.posts = this.posts.filter(({ id }) => !this.#isTakenBack(id));
    for (const id of keys(this.#takenBack)) {
      const at = Number(recall(this.#takenBack + id));
      if (Date.now() - at > OLD) remember(this.#takenBack + id, null);
    }
  }

  /** @param {string} id */
  #isTakenBack(id) {
    return recall(this.#takenBack + id) !== null;
  }

  /**
   * Calls when there is something of another tab's to load, or nothing any more.
   * @param {() => void} call @param {AbortSignal} signal ends it
   */
  follow(call, signal) {
    /** @type {Timer} */
    let timer;
    watch((key) => {
      if (!key.startsWith(this.#key)) return;
      clearTimeout(timer);
      timer = setTimeout(call, OTHERS_WAIT);
      const post = this.find(key.slice(this.#key.length));
      if (!post || recall(key) !== null) return;
      // What still waits here was sent there, and comes from the log; or it was taken back.
      if (post.state !== "failed" && !this.#isTakenBack(post.id)) return;
      this.posts = this.posts.filter((other) => other !== post);
      call();
    }, signal);
    signal.addEventListener("abort", () => clearTimeout(timer));
  }

  /** @param {string} id */
  find(id) {
    return this.posts.find((post) => post.id === id);
  }

  /** The one to send now. */
  get next() {
    return this.posts.find((post) => post.state === "waiting");
  }

  /** @param {string} text @param {string} me */
  add(text, me) {
    const at = Math.max(Date.now(), (this.posts.at(-1)?.at ?? 0) + 1);
    return this.#keep({ id: newId(), text, at, me, state: "waiting" });
  }

  /** It is in the log, and will be seen there. @param {string} id */
  stored(id) {
    const post = this.find(id);
    if (post) post.state = "stored";
    remember(this.#key + id, null);
    return post;
  }

  /** @param {string} id */
  remove(id) {
    const post = this.stored(id);
    this.posts = this.posts.filter((other) => other !== post);
    return post;
  }

  /** The writer gives it up, in all tabs. @param {string} id */
  takeBack(id) {
    remember(this.#takenBack + id, `${Date.now()}`);
    return this.remove(id);
  }

  /** @param {Post} post @param {string} code */
  fail(post, code) {
    this.#keep(Object.assign(post, { state: "failed", code }));
  }

  /** @param {Post} post */
  retry(post) {
    this.#keep(Object.assign(post, { state: "waiting", at: Math.max(Date.now(), post.at) }));
  }

  /** @param {Post} post */
  #keep(post) {
    this.#put(post);
    remember(this.#key + post.id, JSON.stringify(post));
    return post;
  }

  /** @param {Post} post */
  #put(post) {
    const others = this.posts.filter((other) => other !== post);
    this.posts = [...others, post].sort((one, other) => one.at - other.at);
  }
}

/** @param {string | null} stored @param {string} id @returns {Post | null} */
function parse(stored, id) {
  try {
    const post = JSON.parse(stored ?? "");
    const { text, at, state } = post;
    const whole = post.id === id && typeof text === "string" && Number.isFinite(at);
    return whole && (state === "waiting" || state === "failed") ? post : null;
  } catch {
    return null;
  }
}

/** @param {Post} post @returns {Post} */
function aged(post) {
  const old = post.state === "waiting" && Date.now() - post.at > OLD;
  return old ? { ...post, state: "failed", code: "old" } : post;
}

/** @param {string} me */
function isUser(me) {
  return !(Number(me) >= GUESTS_FROM);
}

/** What was sent with a token of an old page: on a new one it is sent again. @param {Post} post @returns {Post} */
function revived(post) {
  return post.code === "stale" ? { ...post, state: "waiting", code: undefined } : post;
}

// Not crypto.randomUUID, which plain http:// on a local network does not have.
function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
