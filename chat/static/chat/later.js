/** @import { Command, Hears, Transport, Way } from "./types.js" */

const LOST = 1006;

/** A way to the server that has to be loaded first. @implements {Transport} */
export class Later {
  #closed = false;
  /** @type {Transport | undefined} */
  #transport;

  /** @param {Promise<Way>} way @param {Hears} on */
  constructor(way, on) {
    way.then((way) => {
      if (!this.#closed) this.#transport = way(on);
    }).catch(() => on.closed(LOST));
  }

  get idle() {
    return this.#transport?.idle ?? false;
  }

  /** @param {Command[]} commands */
  send(commands) {
    return this.#transport?.send(commands) ?? false;
  }

  close() {
    this.#closed = true;
    this.#transport?.close();
  }
}
