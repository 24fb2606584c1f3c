// One room as this client knows it: its position in the log, and the posts that wait to be stored.

// Sent again while these last; anything else is the writer's to put right.
const PASSING = new Set(["rate_limited", "unavailable"]);

export class Room {
  constructor(slug, { epoch, seq }) {
    this.slug = slug;
    this.epoch = epoch;
    this.seq = seq;
    this.joined = false;
    this.waiting = [];
  }

  // The command that enters, where we left off if we have been here.
  join() {
    const after = this.epoch ? { epoch: this.epoch, seq: this.seq } : null;
    return { type: "join", room: this.slug, after, ref: "join" };
  }

  // Takes note of `joined`; whether what is shown stays and is gone on with.
  enter({ epoch, recovered }) {
    this.joined = true;
    this.epoch = epoch;
    if (!recovered) this.seq = 0;
    return recovered === true;
  }

  // Whether an event of the log is news; each is exactly once.
  isNews({ room, seq }) {
    if (room !== this.slug || seq <= this.seq) return false;
    this.seq = seq;
    return true;
  }

  // Posts go out one at a time, so that none overtakes another; the one that is under way comes
  // again under the same id after a loss, and the server stores it once.
  add(text) {
    this.waiting.push({ type: "post", room: this.slug, text, id: newId() });
  }

  get next() {
    return this.joined ? this.waiting[0] : undefined;
  }

  // The post of that id is stored, or never will be.
  settle(id) {
    const index = this.waiting.findIndex((post) => post.id === id);
    return index < 0 ? undefined : this.waiting.splice(index, 1)[0];
  }
}

export const isPassing = (code) => PASSING.has(code);

// Not crypto.randomUUID, which plain http:// on a local network does not have.
function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
