/** @import { ChatRoom } from "./chat-room.js" */
/** @import { Log } from "./log.js" */
/** @import { Room } from "./room.js" */
/** @import { Line, Logged } from "./types.js" */

import { recallRead, rememberRead, watch } from "./storage.js";
import { called, count } from "./words.js";

const MOST = 99;
// Milliseconds that what is read out waits for more.
const BREATH = 1_500;
// And how much longer at least in a window without the focus: one that has it comes first.
const GIVES_WAY = 500;
// Characters, of which none is cut in two.
const LONGEST_READ = 300;
// Messages that are kept to be read out, also by a page that is hidden for days: beyond, no number tells more.
const MANY = 999;

/** Unread messages of each room of the page. @type {Map<Attention, number>} */
const unread = new Map();
let prefix = "";

// The rest of the title is the site's, which may change it.
function showTitle() {
  const sum = [...unread.values()].reduce((one, other) => one + other, 0);
  const now = sum && document.hidden ? `(${count(sum, MOST)}) ` : "";
  if (now === prefix) return;
  const title = document.title.startsWith(prefix) ? document.title.slice(prefix.length) : document.title;
  document.title = now + title;
  prefix = now;
}

/** What the reader has seen: kept over visits and tabs, marked, counted, and read out. */
export class Attention {
  #element; #room; #log; #epoch = ""; #me = ""; #read = 0;
  /** The last seq of a history that was begun with: none of it is news. */
  #old = 0;
  /** @type {Line[]} */
  #unsaid = [];
  /** The seq of the message whose text stands where it is read out. */
  #said = 0;

  /** @param {ChatRoom} element @param {Room} room @param {Log} log */
  constructor(element, room, log) {
    this.#element = element;
    this.#room = room;
    this.#log = log;
    log.marker = this.#remembered();
    const last = log.timeline.lines.at(-1)?.seq ?? 0;
    if (!log.marker || log.marker >= last) log.marker = 0;
    const over = new AbortController();
    const { signal } = over;
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) log.marker = 0;
      // What was read in another tab was there to be heard.
      else this.#unsaid = this.#unsaid.filter(({ seq }) => seq > this.#remembered());
      element.draw();
      this.look();
      this.#readOut();
    }, { signal });
    const sized = new ResizeObserver(() => this.look()); // it may not have been displayed until now
    sized.observe(element);
    watch(() => this.look(), signal);
    element.ends(room.on("joined", ({ fresh, head }) => {
      if (fresh) this.#old = head;
    }), () => {
      over.abort();
      sized.disconnect();
      unread.delete(this);
      showTitle();
    });
  }

  /** @param {Logged} event */
  heard(event) {
    const log = this.#log;
    if (event.type !== "message") {
      this.#change(event.target, event.type === "edited" ? event.text : undefined);
      return;
    }
    if (event.deleted || event.sender.id === log.me) return;
    if (event.seq <= this.#old) return;
    if (!log.marker && !this.#attends) log.marker = event.seq - 1;
    if (this.#unsaid.push(log.timeline.lines[log.timeline.lines.length - 1]) === 1) this.#readOutSoon();
    if (this.#unsaid.length > MANY + 1) this.#unsaid.shift();
  }

  #readOutSoon() {
    setTimeout(() => this.#readOut(), BREATH + (document.hasFocus() ? 0 : GIVES_WAY * (1 + Math.random())));
  }

  /** Takes note of what is in sight. */
  look() {
    const { slug, epoch, seq = 0 } = this.#room;
    const { timeline, me, following } = this.#log;
    // What was read before it was known by whom was read by them.
    if (epoch !== this.#epoch || (this.#me && me !== this.#me)) this.#read = 0;
    this.#epoch = epoch;
    this.#me = me;
    const remembered = this.#remembered();
    this.#read = Math.max(this.#read, remembered, this.#attends ? seq : 0);
    // Not while the room is away: another tab may know of a newer epoch already.
    if (me && this.#room.joined && this.#read > remembered) rememberRead(slug, me, { epoch, seq: this.#read });
    const news = timeline.lines.slice(timeline.after(this.#read));
    const number = news.filter(({ sender, deleted }) => sender.id !== me && !deleted).length;
    unread.set(this, number);
    showTitle();
    const latest = this.#element.piece("latest");
    this.#element.hide(latest, following);
    latest.dataset.count = number ? count(number, MOST) : "";
  }

  get #attends() {
    return !document.hidden && this.#log.following && this.#element.checkVisibility();
  }

  /** @param {"read" | "said"} [what] */
  #remembered(what) {
    const read = recallRead(this.#room.slug, this.#log.me, what);
    return read && read.epoch === this.#room.epoch ? read.seq : 0;
  }

  // A burst is told in a word: nobody wants to hear two hundred messages, nor the same from two windows.
  #readOut() {
    if (document.hidden) return;
    const elsewhere = this.#remembered("said");
    const said = this.#unsaid.filter(({ seq }) => seq > elsewhere);
    if (said.length < this.#unsaid.length) {
      // Another window reads out: the rest is for that one, too, unless it stops.
      this.#unsaid = said;
      if (said.length) this.#readOutSoon();
      return;
    }
    this.#unsaid = [];
    if (!said.length) return;
    const { slug, epoch } = this.#room;
    rememberRead(slug, this.#log.me, { epoch, seq: said[said.length - 1].seq }, "said");
    const voice = this.#element.piece("voice");
    const { sender, text, seq } = said[0];
    this.#said = said.length === 1 ? seq : 0;
    const words = this.#said
      ? `${called(sender)}: ${[...text].slice(0, LONGEST_READ).join("")}`
      : `${voice.dataset.many} ${count(said.length, MANY)}`;
    voice.replaceChildren(words); // browsers may take the same textContent for no change
  }

  // What was changed or deleted is in no part of the page any more as it was.
  /** @param {number} seq @param {string} [text] what it says now, unless it was deleted */
  #change(seq, text) {
    const changed = (/** @type {Line} */ line) => (text === undefined ? [] : [{ ...line, text }]);
    this.#unsaid = this.#unsaid.flatMap((line) => (line.seq === seq ? changed(line) : [line]));
    if (this.#said !== seq) return;
    this.#said = 0;
    this.#element.piece("voice").textContent = "";
  }
}
