import { keyOf, recall, remember, watch } from "./storage.js";

/**
 * What somebody has begun to write in a room: kept until it is sent, also over a reload. What was begun
 * before it was known by whom is theirs who is known next.
 */
export class Draft {
  #room; #me; #text;

  /** @param {string} room @param {string} me who writes; "" where that is not known yet */
  constructor(room, me) {
    this.#room = room;
    this.#me = me;
    this.#text = recall(this.#key) ?? "";
    const unclaimed = keyOf("draft", room, "");
    const begun = me && recall(unclaimed);
    if (!begun) return;
    remember(unclaimed, null);
    this.text = [this.#text, begun].filter(Boolean).join("\n");
  }

  get text() {
    return this.#text;
  }

  set text(text) {
    this.#text = text;
    remember(this.#key, text.trim() ? text : null);
  }

  /** It is known now by whom it was begun. @param {string} me */
  claim(me) {
    if (me === this.#me) return;
    if (!this.#me) remember(this.#key, null);
    this.#me = me;
    if (this.#text) this.text = this.#text;
  }

  /** Goes on with what is written, or sent, in another tab. @param {() => void} call @param {AbortSignal} signal */
  follow(call, signal) {
    watch((key) => {
      // Where it is not known yet who writes, another tab that knows takes what was begun: it stays here, too.
      if (key !== this.#key || (!this.#me && recall(key) === null)) return;
      this.#text = recall(key) ?? "";
      call();
    }, signal);
  }

  get #key() {
    return keyOf("draft", this.#room, this.#me);
  }
}
