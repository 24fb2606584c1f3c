/** @import { Line } from "./types.js" */

import { arrange } from "./arrange.js";
import { Timeline } from "./timeline.js";
import { called, dayOf, showText, showTime } from "./words.js";

// Messages that are on the page at a time, and how many come when one scrolls on.
const MOST = 240, STEP = 60;
// Pixels: from here on more is fetched, and this close to the end one reads what comes.
const NEAR = 400, END = 40;
// Pixels of air around what is brought into sight; below it may be the button that goes to the newest.
const ABOVE = 8, BELOW = 60;

// What a server takes in a moment is not worth a word; nor is trying again where nothing would change.
export const MOMENT = 1_000;
const HOPELESS = new Set(["bad_command", "bad_frame", "empty", "forbidden", "stale", "too_long", "unknown_room"]);

// Colours for senders' names; the style has as many, and chat/rendering.py counts the same way.
const HUES = 8;
// A sender who goes on within this time is not named again.
const SAME_BREATH = 5 * 60_000;

/**
 * The messages on the page: a window on the timeline, as long ones would bring a browser down. Keeps
 * its place whatever comes or goes above. Their markup is the templates'.
 */
export class Log {
  timeline = new Timeline();
  /** What is not in the log yet. @type {Line[]} */
  pending = [];
  me = "";
  /** The seq after which there is news, which a line tells; 0: none. */
  marker = 0;
  /** The seq of the one whose text is being changed; 0: none. */
  changing = 0;
  /** Whether what comes is shown as it comes. */
  following = true;
  #box; #list; #make; #on;
  #first = 0;
  #last = Infinity;
  /** How far it was scrolled to follow what comes; 0: it was not. */
  #top = 0;
  /** @type {Map<string, HTMLElement>} */
  #nodes = new Map();
  /** @type {WeakMap<HTMLElement, Line>} */
  #shown = new WeakMap();

  /**
   * @param {HTMLElement} box what scrolls
   * @param {HTMLElement} list in it
   * @param {(name: string) => HTMLElement} make what the template of that name has
   * @param {{ older(): void, scrolled(): void, why(code?: string): string, signal: AbortSignal }} on
   *   `why` a post failed
   */
  constructor(box, list, make, on) {
    this.#box = box;
    this.#list = list;
    this.#make = make;
    this.#on = on;
    box.addEventListener("scroll", () => this.look(), { passive: true, signal: on.signal });
    const sizes = new ResizeObserver(() => this.following && this.toEnd());
    sizes.observe(box);
    on.signal.addEventListener("abort", () => sizes.disconnect());
  }

  /** The message that a row shows. @param {HTMLElement} row */
  lineOf(row) {
    return this.#shown.get(row);
  }

  toEnd() {
    this.#last = Infinity;
    this.following = true;
    this.#top = 0;
    this.update();
  }

  /** Shows the line before the news, where it is near. */
  toMarker() {
    const line = this.#nodes.get("news");
    if (!line) return;
    // Not scrollIntoView, which would scroll the page around us as well.
    const { top, height } = this.#box.getBoundingClientRect();
    this.#box.scrollTop += line.getBoundingClientRect().top - top - height / 2;
    this.look();
  }

  /** Brings a message into sight. @param {number} seq */
  reveal(seq) {
    const at = this.timeline.find(seq);
    if (at < 0) return;
    const row = () => [...this.#nodes.values()].find((node) => this.#shown.get(node)?.seq === seq);
    if (row()) {
      this.update();
    } else {
      this.following = false;
      this.#show(Math.max(0, at - STEP), Math.min(this.timeline.lines.length, at + STEP));
    }
    this.keep(row());
  }

  /** Scrolls no farther than that all of a row, or of what is in it, is in sight, or its beginning. @param {Element} [row] */
  keep(row) {
    if (!row) return;
    if (this.following && this.#list.lastElementChild?.contains(row)) return this.toEnd();
    // Not scrollIntoView, which would scroll the page around us as well.
    const inside = this.#box.getBoundingClientRect(), { top, bottom } = row.getBoundingClientRect();
    const down = Math.max(0, bottom + BELOW - inside.bottom);
    this.#box.scrollTop += Math.min(down, top - inside.top - ABOVE);
  }

  update() {
    const { length } = this.timeline.lines;
    // Who has just scrolled away is not brought back, though the browser has not told of it yet.
    if (this.#top - this.#box.scrollTop > END && this.#below > END) this.following = false;
    let [from, to] = this.#range();
    if (this.following) to = length;
    if (this.following && (to - from > MOST || to - from < STEP)) from = Math.max(0, to - STEP);
    if (!this.following) to = Math.min(length, Math.max(to, from + MOST));
    this.#show(from, to);
    // What cannot be scrolled would never ask for more.
    const { scrollHeight, clientHeight } = this.#box;
    if (length && from === 0 && this.timeline.more && scrollHeight <= clientHeight) this.#on.older();
  }

  /** Pixels between what is in sight and the end. */
  get #below() {
    const { scrollTop, scrollHeight, clientHeight } = this.#box;
    return scrollHeight - scrollTop - clientHeight;
  }

  #range() {
    const { timeline } = this;
    const to = this.#last === Infinity ? timeline.lines.length : timeline.after(this.#last);
    return [timeline.after(this.#first - 1), to];
  }

  /** Shows, or asks for, what is next to what is in sight. */
  look() {
    const { scrollTop } = this.#box;
    const { length } = this.timeline.lines;
    const below = this.#below;
    const [from, to] = this.#range();
    this.following = to === length && below < END;
    if (scrollTop < NEAR && from > 0) {
      const start = Math.max(0, from - STEP);
      this.#show(start, Math.min(to, start + MOST));
    } else if (scrollTop < NEAR && this.timeline.more) {
      this.#on.older();
    } else if (below < NEAR && to < length) {
      const end = Math.min(length, to + STEP);
      this.#show(Math.max(0, end - MOST, from), end);
    }
    this.#on.scrolled();
  }

  /** @param {number} from @param {number} to */
  #show(from, to) {
    const { lines } = this.timeline;
    const end = to === lines.length;
    this.#first = lines[from]?.seq ?? 0;
    this.#last = end && this.following ? Infinity : (lines[to - 1]?.seq ?? Infinity);
    const anchor = this.following ? undefined : this.#anchor();
    // Its end, as its beginning may change: the sender's name, where another message comes before.
    const bottom = anchor?.getBoundingClientRect().bottom ?? 0;
    this.#place(lines.slice(from, to).concat(end ? this.pending : []));
    this.#top = 0;
    if (this.following) {
      this.#box.scrollTop = this.#box.scrollHeight;
      this.#top = this.#box.scrollTop;
    } else if (anchor?.isConnected) {
      this.#box.scrollTop += anchor.getBoundingClientRect().bottom - bottom;
    }
  }

  /** The first message that is in sight; no line between messages, which may go elsewhere. */
  #anchor() {
    const { top } = this.#box.getBoundingClientRect();
    const rows = [...this.#nodes.values()].filter((node) => this.#shown.has(node));
    return rows.find((row) => row.getBoundingClientRect().bottom > top);
  }

  /** @param {Line[]} lines */
  #place(lines) {
    /** @type {Map<string, HTMLElement>} */
    const nodes = new Map();
    /** @param {string} key @param {string} kind */
    const node = (key, kind) => {
      const found = this.#nodes.get(key) ?? this.#make(kind);
      nodes.set(key, found);
      return found;
    };
    /** @type {Line | undefined} */
    let before;
    /** The one whose sender is named. @type {Line | undefined} */
    let head;
    for (const line of lines) {
      const day = line.at.toDateString();
      if (before?.at.toDateString() !== day) {
        node(day, "day").firstElementChild?.replaceChildren(dayOf(line.at));
      }
      const news = this.marker > 0 && line.seq > this.marker && line.sender.id !== this.me;
      const first = news && !nodes.has("news");
      if (first) node("news", "news");
      const row = node(this.#key(line), "line");
      const goesOn = !first && before?.sender.id === line.sender.id && follows(head, line);
      if (!goesOn) head = line;
      row.classList.toggle("follows", goesOn);
      row.classList.toggle("own", line.sender.id === this.me);
      row.classList.toggle("changing", line.seq > 0 && line.seq === this.changing);
      if (this.#shown.get(row) !== line) fill(row, line, this.#on.why(line.post?.code));
      this.#shown.set(row, line);
      before = line;
    }
    for (const [key, old] of this.#nodes) if (!nodes.has(key)) this.#remove(old);
    arrange(this.#list, nodes.values());
    this.#nodes = nodes;
  }

  // One's own message stays the same on the page when it comes back from the log.
  /** @param {Line} line */
  #key({ seq, id, sender }) {
    return sender.id === this.me && id ? `own ${id}` : `${seq}`;
  }

  /** @param {HTMLElement} node */
  #remove(node) {
    if (node.contains(document.activeElement)) this.#box.focus({ preventScroll: true });
    node.remove();
  }
}

/** @param {HTMLElement} row @param {Line} line @param {string} why */
function fill(row, { seq, sender, text, at, edited, deleted, post }, why) {
  /** @param {string} selector @returns {any} */
  const $ = (selector) => row.querySelector(selector);
  row.dataset.seq = `${seq}`;
  row.dataset.sender = sender.id;
  row.dataset.state = post?.state ?? "";
  row.dataset.hue = `${[...sender.id].reduce((sum, c) => sum + (c.codePointAt(0) ?? 0), 0) % HUES}`;
  $(".name").textContent = called(sender);
  $("time").dateTime = at.toISOString();
  showTime($("time"), at);
  showText($(".text"), text);
  $(".text").hidden = deleted;
  $(".gone").hidden = !deleted;
  $(".edited").hidden = !edited || deleted;
  $(".sending").hidden = post?.state !== "waiting" || Date.now() - post.at < MOMENT;
  $(".failed").hidden = post?.state !== "failed";
  $(".why").textContent = why;
  $("[data-act=retry]").hidden = HOPELESS.has(post?.code ?? "");
}

/** Whether a message needs no name and time besides those of an earlier one. @param {Line | undefined} before @param {Line} line */
function follows(before, { sender, at }) {
  return before !== undefined && before.sender.id === sender.id && before.sender.name === sender.name
    && before.at.toDateString() === at.toDateString()
    && at.getTime() - before.at.getTime() < SAME_BREATH;
}
