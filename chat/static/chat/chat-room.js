/** @import { Moderating } from "./moderating.js" */
/** @import { Room } from "./room.js" */
/** @import { Line, Right } from "./types.js" */

import { Acts } from "./acts.js";
import { Attention } from "./attention.js";
import { Client } from "./client.js";
import { Composer } from "./composer.js";
import { Log, MOMENT } from "./log.js";
import { Notices } from "./notices.js";
import { People } from "./people.js";
import { PASSING, WAIT } from "./room.js";
import { Status } from "./status.js";
import { recall, watch } from "./storage.js";
import { called, showTime, unnamed } from "./words.js";

const TIMES_EVERY = 30_000;
// Not the browser's own frames, which stop for a page that is covered.
const FRAME = 16;
// Keys by which one goes about, rather than writes.
const GOES = /^(Tab|Arrow|Home|End|Page)/;
// For a cookie: without one, people talk all the same.
const PATIENCE = 5_000;

/** One connection for all rooms of a page. @type {Map<string, Client>} */
const clients = new Map();

/** The client that a page's elements share. @param {HTMLElement} element with the addresses */
export function clientOf({ dataset: { socket = "/ws", rooms, token, guest } }) {
  const known = clients.get(socket);
  if (known) return known;
  // A guest without a cookie would be another one after each loss of the connection.
  const headers = { "X-CSRFToken": token ?? "" };
  const before = guest
    ? () => fetch(guest, { method: "POST", headers, signal: AbortSignal.timeout(PATIENCE) })
    : undefined;
  const client = new Client({ socket, rooms, token, before });
  clients.set(socket, client);
  client.open();
  addEventListener("online", () => client.hurry());
  document.addEventListener("visibilitychange", () => document.hidden || client.hurry());
  watch((key) => {
    const name = key === "name" && recall(key);
    if (name) client.mention({ type: "rename", name });
  });
  return client;
}

/**
 * A room to talk in. Its markup, with every sentence it shows, is the template chat/element.html;
 * what people wrote is only ever set as text.
 */
export class ChatRoom extends HTMLElement {
  /** @type {Room | undefined} */
  room;
  /** @type {Composer | undefined} */
  composer;
  #fetching = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #drawing;
  /** Goes up when another history is begun. */
  #begun = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #waiting;
  /** Loaded for those who need it. @type {Moderating | undefined} */
  #moderating;
  /** @type {(() => void)[]} */
  #ends = [];
  #over = new AbortController();
  /** Where it was when it was taken out. @type {import("./types.js").Position | undefined} */
  #position;

  connectedCallback() {
    const { room = "", epoch = "", head = "0", me = "", name = "", may = "" } = this.dataset;
    if (this.room || !room) return;
    this.#over = new AbortController();
    const lines = this.piece("lines");
    const before = this.log;
    const log = this.log = new Log(this.piece("log"), lines, (name) => this.make(name), {
      older: () => this.#older(),
      scrolled: () => this.attention?.look(),
      signal: this.signal,
      why: (code) => (code ? this.status?.sentence(code) ?? "" : ""),
    });
    log.me = me;
    if (before) {
      log.timeline = before.timeline; // it was here before
    } else {
      log.timeline.lines = [...lines.children].map((row) => read(/** @type {HTMLElement} */ (row)));
      log.timeline.more = "more" in lines.dataset;
    }
    lines.textContent = "";
    this.client = clientOf(this);
    if (me) this.client.me ??= { id: me, name };
    const shared = this.client.rooms.get(room);
    const after = this.#position ?? (epoch ? { epoch, seq: Number(head) } : undefined);
    this.room = this.client.join(room, { after });
    if (!this.room.joined) this.room.may = new Set(/** @type {Right[]} */ (may.split(" ").filter(Boolean)));
    this.attention = new Attention(this, this.room, log);
    this.people = new People(this, this.room, this.client);
    this.status = new Status(this, this.room, this.client);
    new Notices(this, this.client);
    this.composer = new Composer(this, this.room, log);
    new Acts(this, this.room, log, this.composer);
    this.room.outbox.load(me);
    this.#forgetStored();
    this.#listen();
    shared?.again(); // what we begin with need not be what it goes on with
    log.toEnd();
    log.toMarker();
    this.draw();
  }

  disconnectedCallback() {
    queueMicrotask(() => {
      if (!this.isConnected) this.#leave();
      else if (this.log?.following) this.log.toEnd(); // it was only moved, and begins at its top again
    });
  }

  /** Has something done when the element is gone. @param {(() => void)[]} ends */
  ends(...ends) {
    this.#ends.push(...ends);
  }

  #leave() {
    const others = [.../** @type {NodeListOf<ChatRoom>} */ (document.querySelectorAll("chat-room"))];
    if (!others.some(({ room }) => room === this.room)) this.room?.leave();
    const { epoch = "", seq } = this.room ?? {};
    this.#position = seq === undefined ? undefined : { epoch, seq };
    for (const end of this.#ends.splice(0)) end();
    this.#over.abort();
    clearTimeout(this.#waiting);
    this.room = this.composer = this.#moderating = this.#waiting = undefined;
  }

  /** What listens listens until the element is gone. */
  get signal() {
    return this.#over.signal;
  }

  /** @param {string} name @returns {any} the element of that part in the template */
  piece(name) {
    return this.querySelector(`[data-part="${name}"]`);
  }

  /** @param {string} name @returns {any} what the template of that name has */
  make(name) {
    return this.piece(`${name}-template`).content.firstElementChild.cloneNode(true);
  }

  #listen() {
    const { room, client, log } = this;
    if (!room || !client || !log) return;
    let today = new Date().toDateString();
    const times = setInterval(() => {
      this.querySelectorAll(".who time").forEach((time) => showTime(/** @type {HTMLTimeElement} */ (time)));
      if (today === new Date().toDateString()) return;
      today = new Date().toDateString();
      this.draw(); // yesterday is another one now
    }, TIMES_EVERY);
    this.ends(
      () => clearInterval(times),
      client.on("me", ({ id }) => {
        this.dataset.me = log.me = id;
        this.composer?.claim(id);
        this.draw();
      }),
      client.on("settled", () => this.draw()),
    );
    this.ends(
      room.on("joined", ({ fresh }) => {
        if (fresh) {
          this.#begun += 1;
          log.timeline.clear();
          log.marker = 0;
          log.following = true;
        }
        this.#forgetStored();
        this.piece("title").textContent = room.title;
        if (!fresh) log.look(); // who is at the very top already scrolls no further
      }),
      room.on("log", (event) => {
        log.timeline.apply(event);
        this.attention?.heard(event);
      }),
      room.on("outbox", () => this.draw()),
    );
    const { signal } = this;
    this.piece("latest").addEventListener("click", () => log.toEnd(), { signal });
    // Browsers take a field for a keyboard's place, even where it was clicked on.
    document.addEventListener("pointerdown", () => (this.dataset.pointed = ""), { signal, capture: true });
    document.addEventListener("keydown", ({ key, target }) => {
      const writes = key !== "Tab" && target instanceof Element && target.closest("input, textarea");
      if (GOES.test(key) && !writes) delete this.dataset.pointed;
    }, { signal, capture: true });
  }

  /** What is in the log does not wait any longer. */
  #forgetStored() {
    const { log, room } = this;
    for (const { id, sender } of log?.timeline.lines ?? []) if (sender.id === log?.me) room?.outbox.remove(id);
  }

  /** Hides or shows what may have the focus, which goes on to the messages. @param {HTMLElement} part @param {boolean} hidden */
  hide(part, hidden) {
    if (hidden && part.contains(document.activeElement)) this.piece("log").focus({ preventScroll: true });
    part.hidden = hidden;
  }

  // What is shown

  /** Shows what is new, once for all that comes at a time. */
  draw() {
    this.#drawing ??= setTimeout(() => {
      this.#drawing = undefined;
      this.#update();
    }, FRAME);
  }

  #update() {
    const { log, room, client } = this;
    if (!log || !room) return;
    const me = client?.me ?? { id: log.me, name: "" };
    log.pending = room.outbox.posts.map((post) => pendingOf(post, me));
    log.update();
    this.piece("empty").hidden = log.timeline.lines.length + log.pending.length > 0;
    this.attention?.look();
    const young = room.outbox.posts.some(({ state, at }) => state === "waiting" && Date.now() - at < MOMENT);
    if (!young) return;
    this.#waiting ??= setTimeout(() => {
      this.#waiting = undefined;
      this.draw();
    }, MOMENT);
  }

  async #older() {
    const { log, room } = this;
    if (!log || !room?.joined || this.#fetching) return;
    const { lines: [oldest] } = log.timeline;
    if (!oldest && room.seq === undefined) return; // the last messages, before which there are older ones, are on their way
    this.#fetching = true;
    const begun = this.#begun;
    this.piece("older").hidden = false;
    const { signal } = this;
    const page = await room.history(oldest?.seq ?? (room.seq ?? 0) + 1).catch(({ code, wait = WAIT }) => {
      if (PASSING.has(code)) setTimeout(() => signal.aborted || log.look(), wait * 1000);
      return undefined;
    });
    this.piece("older").hidden = true;
    this.#fetching = false;
    if (page?.type !== "history" || begun !== this.#begun || signal.aborted) return; // the next scroll, or join, tries again
    log.timeline.prepend(page.messages, page.more);
    this.#forgetStored();
    log.update();
    log.look();
  }

  /** Whether one may mute and remove somebody: the site itself nobody may. @param {import("./types.js").Sender} whom */
  moderates({ id }) {
    return !id.startsWith("s:") && Boolean(this.room?.may.has("ban"));
  }

  /** Asks what to do to somebody. @param {import("./types.js").Sender} whom @param {HTMLElement} from */
  async moderate(whom, from) {
    if (!this.piece("moderation")) return this.status?.say("stale"); // the page is that of a guest
    const loaded = await import("./moderating.js").catch(() => undefined);
    if (!loaded) return this.status?.say("lost");
    const { Moderating } = loaded;
    if (this.room) this.#moderating ??= new Moderating(this, this.room);
    this.#moderating?.ask(whom, from);
  }
}

/** A message as the server has put it into the page. @param {HTMLElement} row @returns {Line} */
function read(row) {
  const { seq, sender: by = "", id = "" } = row.dataset;
  /** @param {string} selector @returns {any} */
  const $ = (selector) => row.querySelector(selector);
  const given = { id: by, name: unnamed(by) };
  const name = $(".name").textContent;
  return {
    seq: Number(seq),
    id,
    sender: name === called(given) ? given : { id: by, name },
    text: $(".text").textContent,
    at: new Date($("time").dateTime),
    edited: !$(".edited").hidden,
    deleted: $(".text").hidden,
  };
}

/** @param {import("./types.js").Post} post @param {import("./types.js").Sender} me @returns {Line} */
function pendingOf(post, { id, name }) {
  const sender = { id: post.me || id, name };
  return { seq: 0, id: post.id, sender, text: post.text, at: new Date(post.at), edited: false, deleted: false, post };
}

customElements.define("chat-room", ChatRoom);
