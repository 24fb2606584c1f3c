// What a browser remembers between pages. It may be switched off, or full: then it forgets.

/** @import { Position } from "./types.js" */

const PREFIX = "chat.";

/** @param {string} key */
export function recall(key) {
  try {
    return localStorage.getItem(PREFIX + key);
  } catch {
    return null;
  }
}

/** @param {string} key @param {string | null} value null forgets it */
export function remember(key, value) {
  try {
    if (value === null) localStorage.removeItem(PREFIX + key);
    else localStorage.setItem(PREFIX + key, value);
  } catch {
    return;
  }
}

/**
 * The key of what somebody keeps of a room: others, such as oneself signed in, have their own.
 * @param {"draft" | "read" | "said"} what @param {string} room @param {string} me "" where that is not known yet
 */
export const keyOf = (what, room, me) => `${what}.${room}.${me}`;

/**
 * How far somebody has read in a room, or was read out to, in whichever tab.
 * @param {string} room @param {string} me @param {"read" | "said"} what @returns {Position | undefined}
 */
export function recallRead(room, me, what = "read") {
  const [epoch, seq] = (recall(keyOf(what, room, me)) ?? "").split(":");
  return Number(seq) ? { epoch, seq: Number(seq) } : undefined;
}

/** @param {string} room @param {string} me @param {Position} position @param {"read" | "said"} what */
export function rememberRead(room, me, { epoch, seq }, what = "read") {
  remember(keyOf(what, room, me), `${epoch}:${seq}`);
}

/**
 * Calls with the key of what another tab remembers or forgets, and with what that is now.
 * @param {(key: string, value: string | null) => void} call @param {AbortSignal} [signal] ends it
 */
export function watch(call, signal) {
  globalThis.addEventListener?.("storage", ({ key, newValue }) => {
    if (key?.startsWith(PREFIX)) call(key.slice(PREFIX.length), newValue);
  }, { signal });
}

/** The ends of all keys that begin so. @param {string} start */
export function keys(start) {
  try {
    return Object.keys(localStorage)
      .filter((key) => key.startsWith(PREFIX + start))
      .map((key) => key.slice(PREFIX.length + start.length));
  } catch {
    return [];
  }
}
