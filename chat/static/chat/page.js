// The room page: shows what the server says and sends what is written. Every sentence it shows comes
// from the template, which is translated.

import { Connection } from "./connection.js";
import { Lines } from "./lines.js";
import { isPassing, Room } from "./room.js";

const NEAR_END = 80;
const ROOMS_EVERY = 15_000;
const NAME = "chat.name";

const $ = (name) => document.getElementById(`chat-${name}`);
const page = $("page"), log = $("log"), state = $("state"), notice = $("notice");
const form = $("post"), box = $("text"), naming = $("naming"), name = $("name");

const lines = new Lines($("lines"), $("line"), page.dataset.me);
const room = new Room(page.dataset.room, { epoch: page.dataset.epoch, seq: +page.dataset.head });
const connection = new Connection(page.dataset.websocket, {
  events: hear,
  state: showState,
  seen: () => ({ [room.slug]: room.seq }),
});

let me = { id: page.dataset.me, name: "" };
let mostBytes = Infinity;
let people = new Map();
let following = true;
let roomsAskedAt = 0;

// --- What the server says

const on = {
  welcome({ sender, limits }) {
    me = sender;
    lines.me = page.dataset.me = me.id;
    mostBytes = limits.frame;
    const chosen = naming && remembered();
    // The name first, so that nobody sees us under another one.
    if (chosen && chosen !== me.name) connection.send(rename(chosen));
    else showMe();
    connection.send(room.join());
    askRooms();
  },
  joined(event) {
    connection.settled();
    if (!room.enter(event)) lines.clear();
    $("title").textContent = event.title;
    people = new Map(event.members.map((member) => [member.id, member]));
    showPeople(event.online);
    if (form) $("send").disabled = false;
    say("");
    sendNext();
  },
  message(event) {
    if (room.isNews(event)) lines.add(event);
  },
  edited(event) {
    if (room.isNews(event)) lines.change(event.target, { text: event.text, edited: true });
  },
  deleted(event) {
    if (room.isNews(event)) lines.change(event.target, { text: "", deleted: true });
  },
  ack({ id }) {
    if (!room.settle(id)) return;
    say("");
    sendNext();
  },
  presence(event) {
    if (event.room !== room.slug) return;
    for (const { id } of event.left) people.delete(id);
    for (const member of event.joined) people.set(member.id, member);
    showPeople(event.online);
  },
  rooms(event) {
    showRooms(event.rooms);
  },
  renamed({ sender }) {
    me = sender;
    remember(me.name);
    showMe();
  },
  left(event) {
    if (event.room === room.slug) turnedAway("left");
  },
  notice({ text }) {
    notice.textContent = text;
  },
  error({ code, detail, id, ref, retry_after: wait = 2 }) {
    if (ref === "rooms") return; // the list stays as it is
    if (ref === "rename") {
      if (remembered() !== me.name) remember("");
      showMe();
      say("rename", detail);
    } else if (isPassing(code)) {
      say(code, detail);
      setTimeout(id ? sendNext : joinAgain, wait * 1000);
    } else if (ref === "join") {
      turnedAway(code, detail);
    } else {
      say(code, detail);
      const refused = id && room.settle(id);
      if (refused) box.value = [refused.text, box.value].filter(Boolean).join("\n");
      sendNext();
    }
  },
};

function hear(events) {
  const before = room.seq;
  log.ariaBusy = "true";
  for (const event of events) on[event.type]?.(event);
  log.ariaBusy = "false";
  if (following) toEnd();
  else if (room.seq > before) $("latest").hidden = false;
}

function turnedAway(code, detail) {
  room.joined = false;
  if (form) $("send").disabled = true;
  say(code, detail);
}

function joinAgain() {
  if (!room.joined) connection.send(room.join());
}

function askRooms() {
  if (connection.send({ type: "rooms", ref: "rooms" })) roomsAskedAt = Date.now();
}

// --- What is shown

function showState(now, code) {
  state.textContent = state.dataset[now];
  page.dataset.state = now;
  $("retry").hidden = now !== "waiting";
  if (now !== "open") room.joined = false;
  if (now === "closed") turnedAway(`closed-${code}`, state.dataset.closed);
  if (now === "waiting" && room.waiting.length) say("unsent");
}

// A sentence of the template's by its name, or where it has none, `text`.
function say(which, text = "") {
  notice.textContent = notice.getAttribute(`data-${which}`) ?? text;
}

function showPeople(online) {
  const sorted = [...people.values()].sort((a, b) => a.name.localeCompare(b.name));
  $("people").replaceChildren(...sorted.map((member) => {
    const item = document.createElement("li");
    const shown = document.createElement("bdi");
    shown.textContent = member.name;
    item.append(shown);
    if (member.id === me.id) item.append(` ${$("people").dataset.you}`);
    return item;
  }));
  $("online").textContent = online;
  const here = $("rooms").querySelector("[aria-current] .count");
  if (here) here.textContent = online;
}

function showRooms(listed) {
  if (!listed.some((one) => one.room === room.slug)) {
    listed.push({ room: room.slug, title: $("title").textContent, online: people.size });
  }
  $("rooms").replaceChildren(...listed.map(({ room: slug, title, online }) => {
    const item = $("room-link").content.firstElementChild.cloneNode(true);
    const link = item.querySelector("a");
    link.href = page.dataset.anyRoom.replace("_room_", encodeURIComponent(slug));
    if (slug === room.slug) link.setAttribute("aria-current", "page");
    item.querySelector(".title").textContent = title;
    item.querySelector(".count").textContent = online || "";
    return item;
  }));
}

// A name that the chat gave is no name to edit.
function showMe() {
  if (!naming || document.activeElement === name) return;
  const given = me.name.endsWith(me.id);
  name.value = given ? "" : me.name;
  name.placeholder = given ? me.name : "";
}

function toEnd() {
  log.scrollTop = log.scrollHeight;
  $("latest").hidden = true;
}

// --- What is written

function sendNext() {
  if (room.next) connection.send(room.next);
}

function post(event) {
  event.preventDefault();
  const text = (box.value.toWellFormed?.() ?? box.value).trim();
  if (!text) return;
  // What is too big for a frame ends the connection: leave room for the command around it.
  const bytes = new TextEncoder().encode(JSON.stringify(text)).length + 512;
  if ([...text].length > +page.dataset.longest || bytes > mostBytes) {
    say("too_long");
    return;
  }
  room.add(text);
  box.value = "";
  following = true;
  if (!room.joined) say("unsent");
  else if (room.waiting.length === 1) sendNext();
}

function rename(chosen) {
  return { type: "rename", name: chosen, ref: "rename" };
}

function choose(event) {
  event.preventDefault();
  const chosen = name.value.trim();
  name.blur();
  if (!chosen || chosen === me.name) showMe();
  else if (!connection.send(rename(chosen))) remember(chosen);
}

// Storage may be switched off: then a name lasts as long as its connection.
function remember(chosen) {
  try {
    localStorage.setItem(NAME, chosen);
  } catch {
    return;
  }
}

function remembered() {
  try {
    return localStorage.getItem(NAME);
  } catch {
    return null;
  }
}

// --- The page begins

toEnd();
new ResizeObserver(() => following && toEnd()).observe(log);
log.addEventListener("scroll", () => {
  following = log.scrollHeight - log.scrollTop - log.clientHeight < NEAR_END;
  if (following) $("latest").hidden = true;
});
$("latest").addEventListener("click", toEnd);
$("retry").addEventListener("click", () => connection.hurry());
addEventListener("online", () => connection.hurry());
document.addEventListener("visibilitychange", () => {
  if (document.hidden) return;
  connection.hurry();
  if (Date.now() - roomsAskedAt > ROOMS_EVERY) askRooms();
});
if (naming) {
  naming.hidden = false;
  naming.addEventListener("submit", choose);
}
if (form) {
  form.hidden = false;
  form.addEventListener("submit", post);
  box.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    form.requestSubmit();
  });
}
connection.open();
