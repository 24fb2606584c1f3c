// The frames of tests/golden, which the Python side is held to as well.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

/** @typedef {Record<string, unknown> & { type: string }} Tagged An event or a command. */

/**
 * What a server sends.
 *
 * @type {{ about: string, frame: Tagged[] }[]}
 */
export const events = load("events");

/**
 * What a client may send: one command, or an array of them.
 *
 * @type {{ about: string, frame: Tagged | Tagged[] }[]}
 */
export const commands = load("commands");

/**
 * What a client may not send, as `frame` or, where JSON cannot say it, as `text`; and what of the
 * error that answers it is certain.
 *
 * @type {{ about: string, frame?: unknown, text?: string,
 *          error: { code: string, ref?: string | number, id?: string } }[]}
 */
export const invalid = load("invalid");

/**
 * @param {string} name
 * @returns {any}
 */
function load(name) {
  return JSON.parse(readFileSync(new URL(`../golden/${name}.json`, import.meta.url), "utf8"));
}

/** @typedef {Map<string, Set<string>>} Shape The JSON types of each field, by its path. */

/** @type {Map<string, { all: Shape, needed: Set<string> }>} */
const shapes = new Map();
// Such a field would let any other pass.
for (const { about, frame } of commands) {
  if (about.startsWith("fields that nobody knows")) continue;
  for (const command of [frame].flat()) {
    const shape = shapeOf(command);
    const known = shapes.get(command.type) ?? { all: new Map(), needed: new Set(shape.keys()) };
    shapes.set(command.type, known);
    for (const [path, types] of shape) known.all.set(path, new Set([...(known.all.get(path) ?? []), ...types]));
    for (const path of known.needed) if (!shape.has(path)) known.needed.delete(path);
  }
}

/**
 * Throws where no golden command of that type has the same fields, of the same JSON types.
 *
 * @param {Tagged} command
 */
export function assertGolden(command) {
  const known = shapes.get(command.type);
  assert.ok(known, `there is no command ${command.type}`);
  const shape = shapeOf(command);
  for (const path of known.needed) if (path !== "ref") assert.ok(shape.has(path), `${command.type} without ${path}`);
  for (const [path, types] of shape) {
    for (const type of types) assert.ok(known.all.get(path)?.has(type), `${command.type} with a ${type} as ${path}`);
  }
}

/**
 * @param {Record<string, unknown>} value
 * @returns {Shape}
 */
function shapeOf(value, path = "") {
  const shape = new Map();
  for (const [name, inner] of Object.entries(value)) {
    // Rooms are keys, too; and what may be the one ref may be any.
    const key = path === "seen." ? `${path}*` : path + name;
    const type = name === "ref" && /string|number/.test(typeof inner) ? "ref" : jsonType(inner);
    shape.set(key, new Set([type]));
    if (type === "object") for (const [deep, types] of shapeOf(/** @type {any} */ (inner), `${key}.`)) shape.set(deep, types);
  }
  return shape;
}

/** @param {unknown} value */
function jsonType(value) {
  return value === null ? "null" : Array.isArray(value) ? "array" : Number.isInteger(value) ? "integer" : typeof value;
}
