/** @import { Line, Logged, Message } from "./types.js" */

// Changes of messages that are not here (yet), and messages that are: what a browser can hold.
const CHANGES_KEPT = 1_000;
export const KEPT = 20_000;

/** The messages of a room that are here, ascending and without repeats, as they now are. */
export class Timeline {
  /** @type {Line[]} */
  lines = [];
  /** Whether there are older ones. */
  more = true;
  /** @type {Map<number, Partial<Line>>} */
  #changes = new Map();

  /** Begins with another history. */
  clear() {
    this.lines = [];
    this.more = true;
    this.#changes.clear();
  }

  /** @param {Logged} event */
  apply(event) {
    if (event.type === "message") {
      this.lines.push(lineOf(event));
      if (this.lines.length > KEPT) this.#forget(KEPT / 2);
      return;
    }
    const edited = event.type === "edited";
    const change = edited ? { text: event.text, edited } : { text: "", deleted: true };
    const index = this.find(event.target);
    if (index >= 0) this.lines[index] = { ...this.lines[index], ...change };
    else this.#remember(event.target, change);
  }

  /** Puts a page of history before what is here. @param {Message[]} messages @param {boolean} more */
  prepend(messages, more) {
    const first = this.lines[0]?.seq ?? Infinity;
    const older = messages.filter(({ seq }) => seq < first);
    // The page may have been read before a change that came here before the page.
    this.lines.unshift(...older.map((one) => ({ ...lineOf(one), ...this.#changes.get(one.seq) })));
    this.more = more;
    return older.length;
  }

  /** The index of the message with that seq, or -1. @param {number} seq */
  find(seq) {
    const index = this.after(seq - 1);
    return this.lines[index]?.seq === seq ? index : -1;
  }

  /** The index of the first message after a seq. @param {number} seq */
  after(seq) {
    let [low, high] = [0, this.lines.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.lines[middle].seq <= seq) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** @param {number} count */
  #forget(count) {
    this.lines.splice(0, count);
    this.more = true;
  }

  /** @param {number} seq @param {Partial<Line>} change */
  #remember(seq, change) {
    this.#changes.set(seq, { ...this.#changes.get(seq), ...change });
    for (const old of this.#changes.keys()) {
      if (this.#changes.size <= CHANGES_KEPT) return;
      this.#changes.delete(old);
    }
  }
}

/** @param {Message} message @returns {Line} */
function lineOf({ seq, id, sender, text, at, edited_at, deleted = false }) {
  return { seq, id, sender, text, at: new Date(at), edited: Boolean(edited_at), deleted };
}
