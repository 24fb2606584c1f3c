/** @import { ChatRoom } from "./chat-room.js" */
/** @import { Composer } from "./composer.js" */
/** @import { Log } from "./log.js" */
/** @import { Room } from "./room.js" */
/** @import { Line } from "./types.js" */

import { clockTime, showTime } from "./words.js";

// How long a button says that it has done what it is for.
const DONE = 1_500;

/** What can be done with a message, by hand and by keyboard. */
export class Acts {
  #element; #room; #log; #composer; #bar;
  /** A finger is on the messages: what would move under it waits until it is gone. */
  #touching = false;

  /** @param {ChatRoom} element @param {Room} room @param {Log} log @param {Composer} composer */
  constructor(element, room, log, composer) {
    this.#element = element;
    this.#room = room;
    this.#log = log;
    this.#composer = composer;
    /** @type {HTMLElement} one for all messages: it is with the one that is looked at */
    this.#bar = element.make("acts");
    const lines = element.piece("lines");
    const { signal } = element;
    for (const kind of ["pointerover", "focusin"]) {
      lines.addEventListener(kind, (/** @type {Event} */ event) => this.#offer(event), { signal });
    }
    lines.addEventListener("pointerdown", (/** @type {PointerEvent} */ event) => {
      this.#touching = event.pointerType === "touch";
    }, { signal });
    lines.addEventListener("pointercancel", () => (this.#touching = false), { signal });
    lines.addEventListener("click", (/** @type {Event} */ event) => {
      const tapped = this.#touching;
      this.#touching = false;
      const row = rowOf(event);
      const line = row && log.lineOf(row);
      const button = event.target instanceof Element && event.target.closest("[data-act], a");
      if (line && button instanceof HTMLElement && "act" in button.dataset) this.#act(button, line, row);
      else if (tapped && !button && row?.contains(this.#bar)) this.#bar.remove();
      else if (tapped && !button) this.#offer(event);
    }, { signal });
    element.piece("log").addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => this.#walk(event), { signal });
    element.ends(
      room.on("rights", () => this.#refit()),
      room.on("log", (event) => event.type === "deleted" && this.#withdraw(event.target)),
    );
  }

  /** @param {Event} event */
  #offer(event) {
    const row = rowOf(event);
    const line = row && this.#log.lineOf(row);
    const touched = this.#touching || (event instanceof PointerEvent && event.type !== "click" && event.pointerType === "touch");
    if (!row || !line || touched) return;
    // Not away from under somebody's fingers.
    const used = this.#bar.querySelector(":focus-visible") && event.type === "pointerover";
    if (used && !row.contains(this.#bar)) return;
    this.#fit(line);
    if (row.contains(this.#bar)) return;
    row.append(this.#bar);
    if (getComputedStyle(this.#bar).position === "static") this.#log.keep(this.#bar); // the row is higher by it
  }

  /** Has the bar offer what there is to do with a message, as things are. @param {Line} line */
  #fit(line) {
    const { may } = this.#room;
    const mine = line.sender.id === this.#log.me;
    /** @param {string} act @param {boolean} may */
    const show = (act, may) => /** @type {HTMLElement} */ (this.#bar.querySelector(`[data-act=${act}]`)).hidden = !may;
    this.#bar.hidden = line.deleted || line.seq === 0;
    show("edit", mine && this.#composer.writes);
    show("delete", (mine && this.#composer.writes) || may.has("moderate"));
    show("moderate", !mine && this.#element.moderates(line.sender));
    show("copy", Boolean(navigator.clipboard));
    const time = /** @type {HTMLTimeElement} */ (this.#bar.querySelector("time"));
    time.dateTime = line.at.toISOString();
    showTime(time);
    time.textContent = clockTime(line.at);
  }

  /** Somebody may do something else than before. */
  #refit() {
    const row = this.#row;
    const line = row && this.#log.lineOf(row);
    if (!line) return;
    const used = document.activeElement;
    this.#fit(line);
    if (used && this.#bar.contains(used) && !used.checkVisibility()) row.focus({ preventScroll: true });
  }

  /** Nothing is done any more with a message that was deleted. @param {number} seq */
  #withdraw(seq) {
    const row = this.#row;
    if (row?.dataset.seq !== `${seq}`) return;
    if (this.#bar.contains(document.activeElement)) row.focus({ preventScroll: true });
    this.#bar.remove();
  }

  /** The message that the bar is with. @returns {HTMLElement | null} */
  get #row() {
    return this.#bar.closest("[data-seq]");
  }

  /** @param {KeyboardEvent} event */
  #walk(event) {
    const step = { ArrowUp: -1, ArrowDown: 1, Home: -Infinity, End: Infinity }[event.key];
    const here = rowOf(event);
    if (step === undefined || event.target !== (here ?? this.#element.piece("log"))) return;
    const rows = [...this.#element.piece("lines").querySelectorAll("[data-seq]")];
    const from = here ? rows.indexOf(here) : rows.length;
    event.preventDefault();
    rows[Math.min(Math.max(from + step, 0), rows.length - 1)]?.focus();
  }

  /** @param {HTMLElement} button @param {Line} line @param {HTMLElement} row */
  #act(button, line, row) {
    const { act } = button.dataset;
    if (act === "copy") this.#copy(button, line);
    else if (act === "edit") {
      this.#bar.remove();
      this.#composer.edit(line);
    } else if (act === "delete") this.#delete(line, row);
    else if (act === "moderate") this.#element.moderate(line.sender, row);
    else if (act === "retry") {
      row.focus(); // its button goes away
      this.#room.retry(line.id);
    } else if (act === "discard") this.#composer.give(this.#room.discard(line.id)?.text ?? "");
  }

  /** @param {HTMLElement} button @param {Line} line */
  async #copy(button, { text }) {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      return; // the browser does not let us, and the button does not say that it is done
    }
    this.#element.status?.tell(button.dataset.done ?? "");
    button.classList.add("done");
    setTimeout(() => button.classList.remove("done"), DONE);
  }

  /** @param {Line} line @param {HTMLElement} row */
  #delete({ seq, text }, row) {
    const element = this.#element;
    /** @type {HTMLDialogElement} */
    const sure = element.piece("sure");
    element.piece("quoted").textContent = text;
    sure.returnValue = "";
    sure.onclose = () => {
      if (sure.returnValue) element.status?.try(this.#room.delete(seq));
      (row.isConnected ? row : element.piece("log")).focus({ preventScroll: true });
    };
    sure.showModal();
  }
}

/** @param {Event} event @returns {HTMLElement | null} */
const rowOf = ({ target }) => (target instanceof Element ? target.closest("[data-seq]") : null);
