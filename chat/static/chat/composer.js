/** @import { ChatRoom } from "./chat-room.js" */
/** @import { Log } from "./log.js" */
/** @import { Room } from "./room.js" */
/** @import { Line, Silence } from "./types.js" */

import { Draft } from "./draft.js";
import { endTime, put } from "./words.js";

// From this share of the longest message on it is told how long one's own is.
const NEARLY = 0.9;
const COMPOSED = 229;
// Fingers have a key for line breaks on their keyboards, and none for Shift and Enter.
const touch = matchMedia("(pointer: coarse)");
const grows = CSS.supports("field-sizing", "content");

/** Where one writes: a new message, or another text for one's own; or why one may not. */
export class Composer {
  #element; #room; #log; #form; #box; #draft;
  /** The message that is edited. @type {Line | undefined} */
  #line;
  /** Whether one read the newest before one went to the message to edit it. */
  #followed = false;

  /** @param {ChatRoom} element @param {Room} room @param {Log} log */
  constructor(element, room, log) {
    this.#element = element;
    this.#room = room;
    this.#log = log;
    /** @type {HTMLFormElement} */
    this.#form = element.piece("form");
    /** @type {HTMLTextAreaElement} */
    this.#box = element.piece("text");
    this.#draft = new Draft(room.slug, log.me);
    if (element.piece("editing").hidden) this.#box.value ||= this.#draft.text;
    else this.#fill(this.#draft.text); // it was taken out of the page while one edited
    this.#count();
    const { signal } = element;
    this.#form.addEventListener("submit", (/** @type {Event} */ event) => this.#submit(event), { signal });
    element.piece("cancel").addEventListener("click", () => this.#done(), { signal });
    this.#box.addEventListener("input", () => this.#changed(), { signal });
    this.#box.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => this.#key(event), { signal });
    const around = "page" in element.dataset ? document : element;
    around.addEventListener("keydown", (event) => this.#takeUp(/** @type {KeyboardEvent} */ (event)), { signal });
    this.#draft.follow(() => this.#line || this.#fill(this.#draft.text), signal);
    element.ends(room.on("rights", (silence) => this.#allow(silence)));
    this.look();
    const idle = !document.activeElement || document.activeElement === document.body;
    if (around === document && idle && !touch.matches) this.#box.focus({ preventScroll: true });
  }

  /** What is written here is theirs from now on. @param {string} me */
  claim(me) {
    this.#draft.claim(me);
  }

  /** Whether one may write here. */
  get writes() {
    return this.#room.may.has("post");
  }

  /** Shows what there is to write with, as things are. */
  look() {
    const { over } = this.#element.status ?? {};
    const focused = this.#form.contains(document.activeElement);
    this.#form.hidden = !this.writes;
    this.#element.piece("silence").hidden = this.writes;
    for (const part of this.#form.querySelectorAll("button, textarea")) part.toggleAttribute("disabled", over ?? false);
    if (focused && (over || !this.writes)) this.#element.piece("log").focus({ preventScroll: true });
  }

  /** @param {Line} line */
  edit(line) {
    if (this.#line) this.#log.changing = 0;
    else this.#followed = this.#log.following;
    this.#line = line;
    this.#log.changing = line.seq;
    this.#write(line.text);
    this.#log.reveal(line.seq);
    this.#element.status?.tell(this.#element.piece("editing").firstElementChild?.textContent ?? "");
  }

  /** Gives a text back to its writer. @param {string} text */
  give(text) {
    this.#draft.text = [text, this.#draft.text].filter(Boolean).join("\n");
    if (!this.#line) this.#write(this.#draft.text);
    this.#box.focus();
    this.#element.status?.settle();
  }

  /** @param {string} text */
  #write(text) {
    this.#fill(text);
    this.#box.focus();
  }

  /** @param {string} text */
  #fill(text) {
    const { dataset } = this.#element.piece("send");
    this.#element.piece("editing").hidden = !this.#line;
    this.#element.piece("send").textContent = this.#line ? dataset.save : dataset.send;
    this.#box.value = text;
    this.#count();
  }

  #done() {
    this.#line = undefined;
    this.#log.changing = 0;
    if (this.#followed) this.#log.toEnd();
    else this.#log.update();
    this.#write(this.#draft.text);
  }

  #changed() {
    if (!this.#line) this.#draft.text = this.#box.value;
    if (this.#box.value) this.#room.typing();
    this.#count();
    this.#element.status?.settle();
  }

  #count() {
    const counter = this.#element.piece("counter");
    const most = Number(this.#element.dataset.longest || Infinity);
    // No text has more characters than units, which are counted at once.
    const long = this.#box.value.length > most * NEARLY;
    const count = long ? [...this.#box.value.trim()].length : 0;
    counter.textContent = count > most * NEARLY ? put(counter.dataset.of, { count, most }) : "";
    counter.classList.toggle("refusal", count > most);
    if (!grows) this.#grow();
  }

  // What the style does where the browser can.
  #grow() {
    const { style } = this.#box;
    style.blockSize = "auto";
    style.blockSize = `${this.#box.scrollHeight + this.#box.offsetHeight - this.#box.clientHeight}px`;
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    // Safari's Enter that ends a composition comes after its end, by the code of all that is composed.
    const composes = event.isComposing || event.keyCode === COMPOSED;
    if (event.key === "Enter" && !event.shiftKey && !composes && !touch.matches) {
      event.preventDefault();
      this.#form.requestSubmit();
    } else if (event.key === "Escape" && this.#line) {
      this.#done();
    } else if (event.key === "ArrowUp" && !this.#box.value) {
      const { me, timeline } = this.#log;
      const last = timeline.lines.findLast(({ sender, deleted }) => sender.id === me && !deleted);
      if (last) this.edit(last);
      if (last) event.preventDefault();
    }
  }

  /** Whoever types where nothing takes it means the field, unless something is open over it. @param {KeyboardEvent} event */
  #takeUp({ key, ctrlKey, metaKey, altKey, isComposing, target }) {
    if ([...key].length !== 1 || key === " " || ctrlKey || metaKey || altKey || isComposing) return;
    const elsewhere = target instanceof Element && target.closest("input, textarea, select, [contenteditable]");
    const off = this.#element.dataset.keys === "off" || document.querySelector("dialog[open], :popover-open");
    if (!elsewhere && !off) this.#box.focus();
  }

  /** @param {Event} event */
  async #submit(event) {
    event.preventDefault();
    const { status } = this.#element;
    const written = this.#box.value.toWellFormed?.() ?? this.#box.value;
    const text = written.replace(/^(?:[^\S\n]*\n)+/, "").trimEnd(); // a first line may be indented
    if (!text.trim() || status?.over) return; // why, is said already
    if (!this.#fits(text)) {
      status?.say("too_long");
      return;
    }
    if (this.#line) {
      const line = this.#line;
      const before = this.#box.value;
      const edited = text === line.text || await status?.try(this.#room.edit(line.seq, text));
      if (!edited || this.#line !== line) return;
      if (this.#box.value === before) this.#done();
      else this.#line = { ...line, text }; // it was written on meanwhile
      return;
    }
    this.#draft.text = this.#box.value = "";
    this.#count();
    this.#log.marker = 0;
    this.#log.toEnd();
    this.#room.post(text);
    if (this.#element.dataset.state !== "open") status?.say("unsent");
    else if (!status?.slow) status?.say("");
  }

  /** @param {string} text */
  #fits(text) {
    // What is too big for a frame ends the connection: leave room for the command around it.
    const bytes = new TextEncoder().encode(JSON.stringify(text)).length + 512;
    const { longest = Infinity } = this.#element.dataset;
    const most = this.#element.client?.limits?.frame ?? Infinity;
    return [...text].length <= Number(longest) && bytes <= most;
  }

  /** One may write from now on, or no longer. @param {Silence} silence */
  #allow({ code, until, reason }) {
    const element = this.#element;
    const could = !this.#form.hidden;
    this.look();
    element.draw();
    if (this.writes) {
      if (!could) element.status?.tell(element.piece("silence").dataset.over);
      return;
    }
    /** @type {HTMLElement} */
    const place = element.piece("silence-words");
    const which = code === "muted" && until ? "muted-until" : code;
    const words = { until: until && endTime(new Date(until)), reason };
    const sentence = place.getAttribute(`data-${which}`) ?? place.dataset.none ?? "";
    const why = reason ? ` ${place.dataset.reason}` : "";
    const told = put(sentence + why, words);
    if (place.textContent !== told) place.textContent = told;
    if (could) element.status?.tell(told);
    element.piece("sign-in")?.toggleAttribute("hidden", code !== "sign_in");
  }
}
