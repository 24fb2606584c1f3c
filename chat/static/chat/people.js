/** @import { ChatRoom } from "./chat-room.js" */
/** @import { Client } from "./client.js" */
/** @import { Room } from "./room.js" */
/** @import { Sender } from "./types.js" */

import { arrange } from "./arrange.js";
import { called, compare, count, put, unnamed } from "./words.js";

const TYPING_LASTS = 5_000;

/** Who is here, who is typing, and by which name oneself goes. */
export class People {
  #element; #room; #client;
  /** By their ids, as one of them may have the focus. @type {Map<string, HTMLElement>} */
  #items = new Map();
  /** @type {Map<string, { name: string, timer: ReturnType<typeof setTimeout> }>} */
  #typing = new Map();

  /** @param {ChatRoom} element @param {Room} room @param {Client} client */
  constructor(element, room, client) {
    this.#element = element;
    this.#room = room;
    this.#client = client;
    element.ends(
      room.on("people", () => this.#show()),
      room.on("rights", () => this.#show()),
      room.on("typing", (sender) => this.#types(sender)),
      room.on("log", (event) => event.type === "message" && this.#rests(event.sender.id)),
      client.on("me", () => this.#showMe()),
      client.on("state", () => this.#offer()),
    );
    element.piece("people").replaceChildren(); // it may have been here before
    this.#offer();
    element.piece("naming")?.addEventListener("submit", (/** @type {Event} */ event) => this.#rename(event), element);
  }

  // Where the connection is over for good, a name is no use, and a list that is open covers what is said of it.
  #offer() {
    const closed = this.#client.state === "closed";
    const naming = this.#element.piece("naming");
    if (naming) this.#element.hide(naming, closed);
    if (closed) this.#element.piece("people").closest("[popover]")?.hidePopover();
  }

  #show() {
    const { people, online } = this.#room;
    const element = this.#element;
    const list = element.piece("people");
    const named = [...people.values()].map((sender) => ({ sender, name: called(sender) }));
    named.sort((one, other) => compare(one.name, other.name));
    const items = new Map(named.map(({ sender }) => [sender.id, this.#item(sender)]));
    for (const [id, item] of this.#items) {
      if (items.has(id)) continue;
      if (item.contains(document.activeElement)) element.piece("log").focus({ preventScroll: true });
      item.remove();
    }
    arrange(list, items.values());
    this.#items = items;
    const more = element.piece("more-people");
    more.textContent = put(more.dataset.more, { count: online - people.size });
    more.hidden = online <= people.size;
    for (const part of ["online", "here"]) element.piece(part).textContent = online ? count(online) : "";
  }

  /** @param {Sender} sender */
  #item(sender) {
    const { id } = sender;
    const item = this.#items.get(id) ?? this.#element.make("person");
    const mine = id === this.#client.me?.id;
    const button = item.querySelector("button");
    item.querySelector("bdi").textContent = called(sender);
    item.querySelector(".you").hidden = !mine;
    this.#element.hide(button, mine || !this.#element.moderates(sender));
    button.onclick = () => this.#element.moderate(sender, button);
    return item;
  }

  /** @param {Sender} sender */
  #types(sender) {
    const { id } = sender;
    if (id === this.#client.me?.id) return;
    clearTimeout(this.#typing.get(id)?.timer);
    this.#typing.set(id, { name: called(sender), timer: setTimeout(() => this.#rests(id), TYPING_LASTS) });
    this.#showTyping();
  }

  /** @param {string} id */
  #rests(id) {
    clearTimeout(this.#typing.get(id)?.timer);
    if (this.#typing.delete(id)) this.#showTyping();
  }

  #showTyping() {
    const place = this.#element.piece("typing");
    const [one, two] = [...this.#typing.values()].map(({ name }) => name);
    const which = ["none", "one", "two"][this.#typing.size] ?? "many";
    place.textContent = put(place.getAttribute(`data-${which}`) ?? "", { one, two });
  }

  // A name that the chat gave is no name to edit.
  #showMe(anyway = false) {
    const field = this.#element.piece("name");
    const me = this.#client.me ?? { id: "", name: "" };
    if (!field) return;
    const writes = document.activeElement === field && !anyway;
    if (!writes || field.value.trim() === me.name) this.#refuse("");
    if (writes) return;
    const given = me.name === unnamed(me.id);
    field.value = given ? "" : me.name;
    field.placeholder = given ? called(me) : "";
  }

  /** @param {Event} event */
  async #rename(event) {
    event.preventDefault();
    const field = this.#element.piece("name");
    const name = field.value.trim();
    const wanted = name && name !== this.#client.me?.name;
    const { status } = this.#element;
    this.#refuse("");
    if (!wanted) return this.#showMe(true);
    await status?.try(this.#client.rename(name), () => "rename", (why, words) => {
      this.#refuse(status.sentence(why, words));
    });
  }

  /** Says at the field why a name was refused: the list may be over all else. @param {string} why "" where it was not */
  #refuse(why) {
    const field = this.#element.piece("name");
    if (why) field.setAttribute("aria-invalid", "true");
    else field.removeAttribute("aria-invalid");
    this.#element.piece("name-refused").textContent = why;
  }
}
