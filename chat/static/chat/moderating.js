/** @import { ChatRoom } from "./chat-room.js" */
/** @import { Room } from "./room.js" */
/** @import { Action, Sender } from "./types.js" */

import { called, put } from "./words.js";

/** The question what to do to somebody: for those who look after the room, loaded when they ask. */
export class Moderating {
  #element; #room; #dialog; #form; #styled;
  /** @type {Sender} */
  #whom = { id: "", name: "" };
  /** Where to go on from. @type {HTMLElement | undefined} */
  #from;

  /** @param {ChatRoom} element @param {Room} room */
  constructor(element, room) {
    this.#element = element;
    this.#room = room;
    /** @type {HTMLDialogElement} */
    this.#dialog = element.piece("moderation");
    /** @type {HTMLFormElement} */
    this.#form = element.piece("moderation-form");
    /** @type {HTMLLinkElement} loaded from now on */
    const style = element.piece("moderation-style");
    this.#styled = style.sheet ?? new Promise((done) => (style.onload = style.onerror = done));
    style.disabled = false;
    const { signal } = element;
    this.#form.addEventListener("change", () => this.#choose(), { signal });
    element.piece("moderation-no").addEventListener("click", () => this.#dialog.close(), { signal });
    this.#dialog.addEventListener("close", () => this.#closed(), { signal });
  }

  /** @param {Sender} whom @param {HTMLElement} from has the focus again afterwards */
  async ask(whom, from) {
    this.#whom = whom;
    this.#from = from;
    this.#form.reset();
    this.#element.piece("whom").textContent = called(whom);
    this.#dialog.returnValue = "";
    this.#choose();
    await this.#styled;
    if (!this.#dialog.open) this.#dialog.showModal();
  }

  /** What is chosen, as the form has it. */
  get #chosen() {
    const chosen = new FormData(this.#form);
    const action = /** @type {Action} */ (chosen.get("action"));
    return { action, seconds: Number(chosen.get("seconds")), reason: `${chosen.get("reason")}`.trim() };
  }

  // What is taken back has no end.
  #choose() {
    const { action } = this.#chosen;
    const button = this.#element.piece("moderation-yes");
    this.#element.piece("moderation-until").hidden = action === "unmute" || action === "restore";
    button.textContent = button.getAttribute(`data-${action}`);
    button.classList.toggle("danger", action === "remove");
  }

  async #closed() {
    const from = this.#from;
    // It may be gone, or in the list of people, which the question has closed where that is small.
    (from?.checkVisibility() ? from : this.#element.piece("log")).focus({ preventScroll: true });
    if (!this.#dialog.returnValue) return;
    const whom = this.#whom;
    const { action, seconds, reason } = this.#chosen;
    const ends = seconds > 0 && (action === "mute" || action === "remove");
    const until = ends ? new Date(Date.now() + seconds * 1000).toISOString() : undefined;
    const { status } = this.#element;
    const command = this.#room.moderate(action, whom.id, { until, reason: reason || undefined });
    const missing = action === "unmute" || action === "restore" ? "nothing_there" : "nobody";
    const done = await status?.try(command, (code) => (code === "not_found" ? missing : code));
    if (done) status?.say("", { text: put(this.#dialog.getAttribute(`data-${action}`) ?? "", { name: called(whom) }) }, true);
  }
}
