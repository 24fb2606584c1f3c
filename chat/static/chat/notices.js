/** @import { ChatRoom } from "./chat-room.js" */
/** @import { Client } from "./client.js" */
/** @import { Notice } from "./types.js" */

import { remember, watch } from "./storage.js";

// More than these are not read: the oldest goes.
const MOST = 3;

const PUT_AWAY = "put-away";

/** Those of a page, in the order they came to it. @type {Set<Notices>} */
const all = new Set();

/** Words from the site, above the messages until they are put away. */
export class Notices {
  #element; #client; #list;
  #gone = new AbortController();

  /** @param {ChatRoom} element @param {Client} client */
  constructor(element, client) {
    this.#element = element;
    this.#client = client;
    /** @type {HTMLElement} */
    this.#list = element.piece("notices");
    all.add(this);
    element.ends(client.on("notice", (notice) => this.#hear(notice)), () => {
      all.delete(this);
      this.#gone.abort();
    });
    // What is put away in one tab is so in all.
    watch((key, what) => {
      if (key !== PUT_AWAY || what === null) return;
      const row = [...this.#list.children].find((row) => /** @type {HTMLElement} */ (row).dataset.notice === what);
      if (row?.contains(document.activeElement)) this.#putAway(row);
      else row?.remove();
    }, this.#gone.signal);
  }

  /** @param {Notice} notice */
  #hear(notice) {
    const { room, code } = notice;
    if (code) return; // said elsewhere, in the reader's language
    if (room ? room === this.#element.dataset.room : this.#speaksForAll) this.#show(notice);
  }

  /** What is for the whole site is shown and read out once on a page, where it can be seen. */
  get #speaksForAll() {
    const those = [...all].filter((other) => other.#client === this.#client);
    return this === (those.find((other) => other.#element.getClientRects().length) ?? those[0]);
  }

  /** @param {Notice} notice */
  #show({ text, level, room }) {
    const row = this.#element.make("notice");
    row.dataset.notice = JSON.stringify([room, text]);
    row.dataset.level = level;
    row.querySelector(".level").hidden = level !== "warning";
    row.querySelector(".words").textContent = text;
    row.querySelector("button").addEventListener("click", () => {
      remember(PUT_AWAY, row.dataset.notice ?? "");
      remember(PUT_AWAY, null); // told, and told again where it is announced again
      this.#putAway(row);
    });
    this.#list.append(row);
    const [first] = this.#list.children;
    if (this.#list.children.length <= MOST) return;
    if (first.contains(document.activeElement)) this.#putAway(first);
    else first.remove();
  }

  /** @param {Element} row */
  #putAway(row) {
    const next = row.nextElementSibling ?? row.previousElementSibling;
    row.remove();
    (next?.querySelector("button") ?? this.#element.piece("log")).focus({ preventScroll: true });
  }
}
