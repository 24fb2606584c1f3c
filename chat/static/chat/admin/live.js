/** @import { Figures, Live, Process } from "../types.js" */

import { Connection } from "../connection.js";
import { Socket } from "../socket.js";
import { Writing, inZoneOf } from "./writing.js";

// Milliseconds between two fetches of the processes while the chat does not tell of them.
const WITHOUT_CHAT = 5_000;

/**
 * Keeps the page up to date: what processes do as the chat tells it, the rest by fetching it. Each
 * part says of itself how old it is.
 */
class LivePage {
  #root; #writing; #connection;
  /** Whether the chat tells what processes do. */
  #told = false;
  /** @type {ReturnType<typeof setInterval>[]} */
  #timers = [];
  #ended = false;

  /** @param {HTMLElement} root */
  constructor(root) {
    this.#root = root;
    this.#writing = new Writing(root.dataset);
    this.#connection = new Connection([(on) => new Socket(root.dataset.socket ?? "/ws", on)], {
      events: (events) => {
        for (const event of events) {
          if (event.type === "live") this.#hear(event);
          else if (event.type === "error" && event.code === "forbidden") this.#doWithoutChat();
        }
      },
      ready: () => this.#connection.send({ type: "watch" }),
      seen: () => ({}),
      state: (state) => {
        if (state !== "open") this.#told = false;
      },
    });
  }

  start() {
    if (this.#processes) this.#connection.open();
    for (const part of this.#parts) {
      const every = Number(part.dataset.every) * 1000 || WITHOUT_CHAT;
      this.#timers.push(setInterval(() => this.#due(part), every));
    }
  }

  /** Stops for good: there is nothing more to be had. @param {"refused" | "gone"} state */
  #end(state) {
    this.#ended = true;
    this.#told = false;
    this.#connection.close();
    for (const timer of this.#timers) clearInterval(timer);
    this.#say(state);
  }

  /** @returns {NodeListOf<HTMLElement>} */
  get #parts() {
    return this.#root.querySelectorAll("[data-part]");
  }

  /** @returns {HTMLElement | null} */
  get #processes() {
    return this.#root.querySelector("[data-part=processes]");
  }

  // What the chat tells

  /** @param {Live} event */
  #hear({ at, total, processes }) {
    const part = this.#processes;
    if (!part) return;
    this.#told = true;
    this.#connection.settled();
    const rows = new Map(
      [.../** @type {NodeListOf<HTMLElement>} */ (part.querySelectorAll("[data-node]"))].map((row) => [row.dataset.node, row]),
    );
    const shown = processes.filter(({ node }) => !part.dataset.only || part.dataset.only === String(node));
    const known = shown.every(({ node }) => rows.has(String(node)));
    // Who comes and goes is for the server to write: it knows the addresses.
    if (!known || shown.length !== rows.size) this.#fetch(part);
    for (const process of shown) {
      const row = rows.get(String(process.node));
      if (row) this.#fill(row, process, process);
    }
    const foot = /** @type {HTMLElement | null} */ (part.querySelector("[data-total]"));
    if (foot) this.#fill(foot, total);
    this.#clock(part, new Date(at || Date.now()));
    this.#say("live");
  }

  /** Whether the page itself may still be seen is for the site to say. */
  #doWithoutChat() {
    this.#told = false;
    this.#connection.close();
    if (this.#processes) this.#fetch(this.#processes);
  }

  /** @param {HTMLElement} row @param {Figures} figures @param {Process} [process] */
  #fill(row, figures, process) {
    row.classList.toggle("silent", process?.silent ?? false);
    const values = /** @type {{ [name: string]: unknown }} */ ({ ...figures });
    for (const cell of /** @type {NodeListOf<HTMLElement>} */ (row.querySelectorAll("[data-write]"))) {
      const { figure = "", write = "" } = cell.dataset;
      const late = figure === "heard" && process?.silent;
      const text = this.#writing.write(write, /** @type {number | null} */ (values[figure] ?? null));
      cell.textContent = late ? this.#writing.silent(text) : text;
      const red = late || figures.red.includes(figure);
      cell.classList.toggle("red", red);
      cell.title = (red && cell.dataset.red) || "";
    }
  }

  // What is fetched

  /** @param {HTMLElement} part */
  #due(part) {
    if (document.hidden || (part.dataset.part === "processes" && this.#told)) return;
    this.#fetch(part);
  }

  /** @param {HTMLElement} part */
  async #fetch(part) {
    const address = new URL(location.href);
    address.search = new URLSearchParams({ part: part.dataset.part ?? "" }).toString();
    address.hash = "";
    let fetched = false;
    try {
      // Whoever is signed out is sent to sign in.
      const answer = await fetch(address, { redirect: "manual" });
      const text = await answer.text();
      if (this.#ended) return;
      if (answer.type === "opaqueredirect" || answer.status === 403) return this.#end("refused");
      if (answer.status === 404) return this.#end("gone");
      if (answer.ok) {
        this.#replace(part, new DOMParser().parseFromString(text, "text/html").body);
        fetched = true;
      }
    } catch {
      // No connection, or half an answer: told below, and tried again when it is due.
    }
    if (this.#ended) return;
    this.#late(part, !fetched);
    // The others are fetched less often, and speak for themselves.
    if (!this.#told && part === this.#parts[0]) this.#say(fetched ? "fetched" : "lost");
  }

  /** Puts what was fetched in place; who was scrolling, or had the focus, goes on there.
   * @param {HTMLElement} part @param {HTMLElement} fresh */
  #replace(part, fresh) {
    const before = part.querySelector(".scroll");
    const focused = part.contains(document.activeElement) ? focusPath(part) : null;
    const left = before?.scrollLeft ?? 0;
    part.replaceChildren(...fresh.childNodes);
    const after = part.querySelector(".scroll");
    if (after) after.scrollLeft = left;
    if (focused !== null) focusables(part)[focused]?.focus({ preventScroll: true });
  }

  // What the page says of itself

  /** Has a part say whether nothing newer can be had. @param {HTMLElement} part @param {boolean} late */
  #late(part, late) {
    part.querySelector(".late")?.toggleAttribute("hidden", !late);
  }

  /** Dates a part as the server does. @param {HTMLElement} part @param {Date} at */
  #clock(part, at) {
    const [time, drawn] = [part, this.#drawn].map((each) => each?.querySelector("time"));
    if (!time) return;
    time.dateTime = inZoneOf(drawn?.dateTime ?? time.dateTime, at);
    time.textContent = time.dateTime.slice(11, 19);
    this.#late(part, false);
  }

  /** What is drawn anew each minute, and so is of today's offset where the clocks are changed.
   * @returns {HTMLElement | null} */
  get #drawn() {
    return this.#root.querySelector("[data-part=plots]");
  }

  /** @param {"live" | "fetched" | "lost" | "refused" | "gone"} state */
  #say(state) {
    const place = /** @type {HTMLElement | null} */ (this.#root.querySelector("[data-state]"));
    // Only what is new: screen readers read it out.
    if (!place || place.dataset.state === state) return;
    place.dataset.state = state;
    place.textContent = this.#root.dataset[state] ?? "";
  }
}

/** @param {HTMLElement} part @returns {HTMLElement[]} */
const focusables = (part) => [...part.querySelectorAll("a, [tabindex]")].map((e) => /** @type {HTMLElement} */ (e));

/** Which of what can have the focus has it. @param {HTMLElement} part */
const focusPath = (part) => focusables(part).findIndex((element) => element === document.activeElement);

const root = document.getElementById("chat-live");
if (root) new LivePage(root).start();
