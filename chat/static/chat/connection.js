// A WebSocket that comes back by itself. Knows the protocol's frames, codes and pings, but no rooms.

const PROTOCOL = "chat.v1.json";

// Milliseconds. The first wait is short, as most losses are; each failure doubles it.
const FIRST_WAIT = 1_000;
const LONGEST_WAIT = 30_000;
// After a deploy everybody comes back: this spreads them out.
const DEPLOY_WAIT = 5_000;
const GOING_AWAY = 4000;

// A server that has sent nothing for this many of its heartbeats is not there.
const SILENT_HEARTBEATS = 2.5;

export class Connection {
  #address; #on; #socket = null; #timer; #watch; #failures = 0; #heartbeat = 20;

  // `on` has: events(list); state(name, code), where name is connecting, open, waiting or closed;
  // and seen(), which returns what a pong tells the server.
  constructor(address, on) {
    this.#address = new URL(address, location.href);
    this.#address.protocol = this.#address.protocol.replace("http", "ws");
    this.#on = on;
  }

  open() {
    this.#timer = undefined;
    this.#on.state("connecting");
    const socket = this.#socket = new WebSocket(this.#address, PROTOCOL);
    socket.onmessage = ({ data }) => this.#hear(JSON.parse(data));
    socket.onclose = ({ code }) => this.#lost(code);
    this.#listen();
  }

  // Comes back now rather than later; where it is not to come back, it does not.
  hurry() {
    if (this.#timer === undefined) return;
    clearTimeout(this.#timer);
    this.open();
  }

  // False, and nothing sent, without a connection.
  send(...commands) {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(JSON.stringify(commands));
    return true;
  }

  // The connection has proved good: the next loss starts with a short wait again.
  settled() {
    this.#failures = 0;
  }

  #hear(events) {
    for (const event of events) {
      if (event.type === "welcome") {
        this.#heartbeat = event.heartbeat;
        this.#on.state("open");
      }
    }
    this.#listen();
    this.#on.events(events);
    if (events.some((event) => event.type === "ping")) {
      this.send({ type: "pong", seen: this.#on.seen() });
    }
  }

  #listen() {
    clearTimeout(this.#watch);
    // A dead network closes nothing: without this the page would wait for ever.
    const limit = this.#heartbeat * SILENT_HEARTBEATS * 1000;
    this.#watch = setTimeout(() => this.#lost(4001), limit);
  }

  #lost(code) {
    clearTimeout(this.#watch);
    const socket = this.#socket;
    this.#socket = null;
    socket.onmessage = socket.onclose = null;
    socket.close();
    if (code >= 4500 && code <= 4999) {
      this.#on.state("closed", code);
      return;
    }
    const most = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** this.#failures++);
    const wait = Math.random() * (code === GOING_AWAY ? Math.max(most, DEPLOY_WAIT) : most);
    this.#timer = setTimeout(() => this.open(), wait);
    this.#on.state("waiting", code);
  }
}
