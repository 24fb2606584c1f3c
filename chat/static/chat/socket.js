/** @import { Command, Event, Hears, Transport } from "./types.js" */

const PROTOCOL = "chat.v1.json";

/** The usual way to the server: a WebSocket. @implements {Transport} */
export class Socket {
  #socket;

  /** @param {string} address @param {Hears} on */
  constructor(address, on) {
    const url = new URL(address, location.href);
    url.protocol = url.protocol.replace("http", "ws");
    this.#socket = new WebSocket(url, PROTOCOL);
    this.#socket.onmessage = ({ data }) => {
      /** @type {Event[]} */
      const events = JSON.parse(data);
      on.events(events);
      if (events.some(({ type }) => type === "welcome")) on.ready();
    };
    this.#socket.onclose = ({ code }) => on.closed(code);
  }

  /** @param {Command[]} commands */
  send(commands) {
    if (this.#socket.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(JSON.stringify(commands));
    return true;
  }

  close() {
    this.#socket.onmessage = this.#socket.onclose = null;
    this.#socket.close();
  }
}
