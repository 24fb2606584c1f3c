import assert from "node:assert/strict";
import { test } from "node:test";

import { Connection } from "../../chat/static/chat/connection.js";
import { WELCOME, browser } from "./fakes.js";

/** @import { Command, Event, Hears, Way } from "../../chat/static/chat/types.js" */

/** A transport whose other end is the test's. */
class Line {
  open = true;
  idle = false;
  /** @type {Command[]} */
  sent = [];

  /** @param {string} way @param {Hears} on */
  constructor(way, on) {
    this.way = way;
    this.on = on;
  }

  /** @param {Command[]} commands */
  send(commands) {
    this.sent.push(...commands);
    return true;
  }

  close() {
    this.open = false;
  }
}

/** A connection that was opened, in ways of these names. @param {string[]} names */
function opened(...names) {
  const { clock, chance } = browser();
  /** @type {Line[]} */
  const lines = [];
  /** @type {unknown[][]} */
  const heard = [];
  /** @param {string} name @returns {Way} */
  const way = (name) => (on) => {
    if (name === "none") throw new Error("there is no such way here");
    const line = new Line(name, on);
    lines.push(line);
    return line;
  };
  const connection = new Connection(names.map(way), {
    events: (events) => heard.push(["events", ...events.map(({ type }) => type)]),
    ready: () => heard.push(["ready"]),
    seen: () => ({ main: 7 }),
    state: (...state) => heard.push(state),
  });
  const last = () => lines[lines.length - 1];
  connection.open();
  return { clock, chance, lines, heard, connection, last };
}

/** Ends the connection; how long it will wait, in milliseconds. @param {ReturnType<typeof opened>} page @param {number} code */
function lose({ clock, last }, code = 1006) {
  last().on.closed(code);
  return clock.waits;
}

/** @type {Event} */
const PING = { type: "ping" };

test("rooms can be joined before anybody is told that the connection is open", () => {
  const { heard, last } = opened("one");
  assert.deepEqual(heard.splice(0), [["connecting"]]);
  last().on.ready();
  assert.deepEqual(heard, [["ready"], ["open"]]);
});

test("waits twice as long after each failure, until one proves good", () => {
  const page = opened("one");
  const waited = [];
  for (let loss = 0; loss < 7; loss++) {
    const [wait] = lose(page);
    waited.push(wait);
    page.clock.pass(wait - 1);
    assert.equal(page.lines.length, loss + 1, "not before its time");
    page.clock.pass(1);
  }
  assert.deepEqual(waited, [1000, 2000, 4000, 8000, 16000, 30000, 30000]);
  page.last().on.ready();
  page.last().on.events([WELCOME]);
  assert.deepEqual(lose(page, 4003), [30000], "a welcome alone proves nothing: others were let in too");
  page.clock.pass(30000);
  page.connection.settled();
  assert.deepEqual(lose(page), [1000]);
});

test("wait is random up to its bound", () => {
  const page = opened("one");
  page.chance.next = () => 0.25;
  assert.deepEqual(lose(page), [250]);
  page.clock.pass(250);
  page.chance.next = () => 0;
  assert.deepEqual(lose(page), [0]);
});

for (const [code, wait] of [[1000, 1000], [1006, 1000], [4000, 5000], [4001, 1000], [4002, 1000], [4003, 1000], [4499, 1000]]) {
  test(`comes back after ${code}, within ${wait} ms`, () => {
    const page = opened("one");
    assert.deepEqual(lose(page, code), [wait]);
    assert.deepEqual(page.heard.at(-1), ["waiting", code]);
    page.clock.pass(wait);
    assert.deepEqual(page.heard.at(-1), ["connecting"]);
    assert.equal(page.lines.length, 2);
  });
}

test("return after a deploy is not hurried by many failures before it, nor held up", () => {
  const page = opened("one");
  for (let loss = 0; loss < 4; loss++) page.clock.pass(lose(page)[0]);
  assert.deepEqual(lose(page, 4000), [16000]);
});

for (const code of [4500, 4501, 4503, 4509, 4999]) {
  test(`stays away after ${code}`, () => {
    const page = opened("one", "two");
    assert.deepEqual(lose(page, code), []);
    assert.deepEqual(page.heard.at(-1), ["closed", code]);
    page.connection.hurry();
    page.clock.pass(3600_000);
    assert.equal(page.lines.length, 1);
  });
}

test("what has an answer is not waited for longer than one takes, by a server that is heard of", () => {
  const page = opened("one");
  page.last().on.ready();
  page.last().on.events([WELCOME]);
  page.connection.expect();
  page.clock.pass(4_999);
  page.last().on.events([PING]);
  page.clock.pass(5_000);
  assert.equal(page.heard.at(-1)?.[0], "events", "any word will do, and silence after it is as ever");
  page.connection.expect();
  page.clock.pass(5_000);
  assert.deepEqual(page.heard.at(-1), ["waiting", 4001]);
});

test("comes back at once where there is reason to, and only once", () => {
  const page = opened("one");
  page.connection.hurry();
  assert.equal(page.lines.length, 1, "it is connecting already");
  lose(page);
  page.connection.hurry();
  page.connection.hurry();
  assert.equal(page.lines.length, 2);
  page.clock.pass(5000);
  assert.equal(page.lines.length, 2, "the wait that was cut short is over");
});

test("ping is answered with what was seen, after the events around it", () => {
  const { heard, last, connection } = opened("one");
  /** @type {number[]} */
  const at = [];
  const { sent } = last();
  connection.send = (...commands) => at.push(heard.length) > 0 && last().send(commands);
  last().on.events([WELCOME, PING, { ...PING }]);
  assert.deepEqual(sent, [{ type: "pong", seen: { main: 7 } }]);
  assert.deepEqual(heard.at(-1), ["events", "welcome", "ping", "ping"]);
  assert.deepEqual(at, [heard.length]);
});

test("connection that never opens is given up after 10 s", () => {
  const { clock, heard, lines } = opened("one");
  clock.pass(9_999);
  assert.deepEqual(heard, [["connecting"]]);
  clock.pass(1);
  assert.deepEqual(heard.at(-1), ["waiting", 4001]);
  assert.ok(!lines[0].open);
});

test("server that is silent for 2.5 heartbeats is left, and no longer listened to", () => {
  const { clock, heard, lines } = opened("one");
  const [old] = lines;
  old.on.ready();
  old.on.events([WELCOME]);
  clock.pass(19_999);
  old.on.events([PING]);
  clock.pass(19_999);
  assert.deepEqual(heard.at(-1), ["events", "ping"]);
  clock.pass(1);
  assert.deepEqual(heard.at(-1), ["waiting", 4001]);
  assert.ok(!old.open);
  heard.length = 0;
  old.on.events([PING]);
  old.on.ready();
  old.on.closed(4503);
  assert.deepEqual(heard, []);
  clock.pass(1000);
  assert.equal(lines.length, 2);
  old.on.closed(4503);
  assert.deepEqual(heard, [["connecting"]]);
});

test("silence of the old server's measure is not the new one's", () => {
  const { clock, heard, lines } = opened("one");
  lines[0].on.events([{ ...WELCOME, heartbeat: 100 }]);
  lines[0].on.closed(1006);
  clock.pass(1000);
  clock.pass(10_000);
  assert.deepEqual(heard.at(-1), ["waiting", 4001]);
});

test("way that has nothing to hear may be silent", () => {
  const { clock, heard, last } = opened("one");
  last().on.ready();
  last().idle = true;
  clock.pass(60_000);
  assert.deepEqual(heard.at(-1), ["open"]);
  last().idle = false;
  clock.pass(10_000);
  assert.deepEqual(heard.at(-1), ["waiting", 4001]);
});

test("after two failures the other way is tried, and then in turn", () => {
  const page = opened("one", "two");
  for (let loss = 0; loss < 5; loss++) page.clock.pass(lose(page)[0]);
  assert.deepEqual(page.lines.map(({ way }) => way), ["one", "one", "two", "one", "two", "one"]);
});

test("best way that worked is kept until it has failed for long", () => {
  const page = opened("one", "two");
  page.connection.settled();
  const ways = [page.last().way];
  for (let loss = 0; loss < 6; loss++) {
    page.clock.pass(lose(page)[0]);
    ways.push(page.last().way);
  }
  assert.deepEqual(ways, ["one", "one", "one", "one", "one", "one", "two"]);
});

test("other way is taken only until it is lost", () => {
  const page = opened("one", "two");
  for (let loss = 0; loss < 2; loss++) page.clock.pass(lose(page)[0]);
  assert.equal(page.last().way, "two");
  page.connection.settled();
  page.clock.pass(lose(page)[0]);
  assert.equal(page.last().way, "one");
});

test("way that cannot even begin is a failure like others", () => {
  const page = opened("none", "two");
  assert.deepEqual(page.heard, [["connecting"], ["waiting", 1006]]);
  assert.deepEqual(page.clock.waits, [1000]);
  page.clock.pass(1000);
  page.clock.pass(2000);
  assert.equal(page.last().way, "two");
});

test("nothing is sent without a connection", () => {
  const page = opened("one");
  assert.equal(page.connection.send({ type: "rooms" }), true);
  lose(page);
  assert.equal(page.connection.send({ type: "rooms" }), false);
});

test("connection that was closed stays so, and is told of no more", () => {
  const page = opened("one");
  page.heard.length = 0;
  page.connection.close();
  page.last().on.closed(1006);
  page.connection.hurry();
  page.clock.pass(60_000);
  assert.deepEqual(page.heard, []);
  assert.ok(!page.last().open);

  const waiting = opened("one");
  lose(waiting);
  waiting.connection.close();
  waiting.connection.hurry();
  waiting.clock.pass(60_000);
  assert.equal(waiting.lines.length, 1);
});
