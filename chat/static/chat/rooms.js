// The list of rooms on our pages: who is there, and what is unread.

/** @import { ChatRoom } from "./chat-room.js" */
/** @import { RoomLine } from "./types.js" */

import { arrange } from "./arrange.js";
import { clientOf } from "./chat-room.js";
import { recallRead, watch } from "./storage.js";
import { called, compare, count, listed } from "./words.js";

const EVERY = 15_000;
const SOON = 1_000;
// More is not counted by the server either.
const MOST = 99;
// Of more rooms the protocol lets nobody ask at a time what is new.
const ROOMS_MOST = 500;

const here = /** @type {ChatRoom | null} */ (document.querySelector("chat-room"));
/** @type {HTMLElement | null} */
const list = document.getElementById("chat-rooms");
/** @type {HTMLTemplateElement | null} */
const template = document.querySelector("#chat-room-link");

if (here && list && template) {
  const client = clientOf(here);
  // Only the list scrolls: the page has the window's height.
  const showCurrent = () => list.querySelector("[aria-current]")?.scrollIntoView({ block: "center" });
  const menu = here.querySelector(".menu .unread");
  let asked = false;
  const ask = async () => {
    if (document.hidden || client.state !== "open") return;
    const reply = await client.ask({ type: "rooms", seen: seen(list, client.me?.id ?? "") }).catch(() => undefined);
    if (reply?.type !== "rooms") return;
    showAll(reply.rooms);
    if (!asked) showCurrent(); // there is more in the list than there was
    asked = true;
  };

  /** @param {RoomLine[]} rooms */
  const showAll = (rooms) => {
    const old = new Map([...list.children].map((item) => [item.querySelector("a")?.href, item]));
    const items = rooms.map((line) => {
      const { href } = new URL(`${list.dataset.anyRoom}${encodeURIComponent(line.room)}/`, location.href);
      const item = /** @type {HTMLElement} */ (old.get(href) ?? template.content.firstElementChild?.cloneNode(true));
      old.delete(href);
      return fill(item, href, line);
    });
    // The server lists no archived room; the one that the page is about stays all the same.
    const current = [...old.values()].filter((item) => item.querySelector("[aria-current]"));
    const gone = [...old.values()].filter((item) => !current.includes(item));
    const left = gone.some((item) => item.contains(document.activeElement));
    for (const item of gone) item.remove();
    sort([...items, ...current]);
    if (left) list.querySelector("a")?.focus({ preventScroll: true });
    const unread = rooms.map(({ room, unread = 0 }) => (room === here.dataset.room ? 0 : unread));
    if (menu instanceof HTMLElement) show(menu, unread.reduce((one, other) => one + other, 0), MOST);
  };

  /** Puts them into the reader's order. @param {Element[]} items */
  const sort = (items) => {
    /** @param {Element} item */
    const title = (item) => item.querySelector(".title")?.textContent ?? "";
    arrange(list, items.sort((one, other) => compare(title(one), title(other))));
  };

  /** @param {any} item @param {string} href @param {RoomLine} line */
  const fill = (item, href, { room, title, online, unread = 0, members = [] }) => {
    const current = room === here.dataset.room;
    const link = item.querySelector("a");
    link.href = href;
    if (current) link.setAttribute("aria-current", "page");
    Object.assign(item.querySelector(".title"), { textContent: title, title });
    show(item.querySelector(".unread"), current ? 0 : unread, MOST);
    show(item.querySelector(".count"), online);
    const names = current ? [] : members.map(called);
    item.querySelector(".members").textContent = listed(names) + (online > names.length && names.length ? " …" : "");
    return item;
  };

  sort([...list.children]);
  showCurrent();
  list.closest("[popover]")?.addEventListener("toggle", showCurrent); // on a phone it is not there before
  addEventListener("resize", showCurrent);
  here.room?.on("joined", ask);
  // How many are here is known at once; the rest is asked for now and then.
  here.room?.on("people", () => {
    const count = list.querySelector("[aria-current] .count");
    if (count instanceof HTMLElement) show(count, here.room?.online ?? 0);
  });
  document.addEventListener("visibilitychange", ask);
  // Another tab has read something; it may be about to read more.
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let soon;
  watch((key) => {
    if (!key.startsWith("read.")) return;
    soon ??= setTimeout(() => {
      soon = undefined;
      ask();
    }, SOON);
  });
  setInterval(ask, EVERY);
}

/** @param {HTMLElement} place @param {number} number @param {number} most */
function show(place, number, most = Infinity) {
  place.hidden = !number;
  const shown = place.querySelector(".number");
  if (shown) shown.textContent = count(number, most);
}

/**
 * How far somebody has read each room of the list; a browser remembers others, of long ago.
 * @param {HTMLElement} list @param {string} me
 */
function seen(list, me) {
  const rooms = [...list.querySelectorAll("a")].map(({ href }) => decodeURIComponent(href.split("/").at(-2) ?? ""));
  const read = rooms.flatMap((room) => {
    const position = recallRead(room, me);
    return position ? [/** @type {const} */ ([room, position])] : [];
  });
  return Object.fromEntries(read.slice(0, ROOMS_MOST));
}
