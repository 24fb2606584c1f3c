// How times, names and texts are put, in the reader's language and time zone.

/** @import { Sender } from "./types.js" */

const language = spoken(document.documentElement.lang);
const clock = new Intl.DateTimeFormat(language, { timeStyle: "short" });
const exact = new Intl.DateTimeFormat(language, { dateStyle: "full", timeStyle: "medium" });
const day = new Intl.DateTimeFormat(language, { weekday: "long", day: "numeric", month: "long" });
const date = new Intl.DateTimeFormat(language, { dateStyle: "long" });
const ago = new Intl.RelativeTimeFormat(language, { numeric: "auto", style: "short" });

/** The reader's language where the page's is none, such as en_US. @param {string} lang */
function spoken(lang) {
  try {
    return Intl.getCanonicalLocales(lang)[0];
  } catch {
    return undefined;
  }
}

const moment = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" });
const numbers = new Intl.NumberFormat(language);
const lists = new Intl.ListFormat(language, { type: "unit" });
const order = new Intl.Collator(language, { numeric: true });

/** The order of names and titles for the reader. @param {string} one @param {string} other */
export const compare = (one, other) => order.compare(one, other);

/** A number, up to the most that was counted. @param {number} number */
export const count = (number, most = Infinity) => (number > most ? `${numbers.format(most)}+` : numbers.format(number));

/** Several names. @param {string[]} names */
export const listed = (names) => lists.format(names.map(apart));

/** What people wrote, in a direction of its own. @param {string} text */
const apart = (text) => `\u2068${text}\u2069`;

/** What the chat calls a guest who has chosen no name. @param {string} id */
export const unnamed = (id) => `Guest ${id}`;

/** What somebody is called on the page: by their name, or as guests are in its language. @param {Sender} sender */
export function called({ id, name }) {
  /** @type {HTMLElement | null} */
  const page = name === unnamed(id) ? document.querySelector("[data-unnamed]") : null;
  return page?.dataset.unnamed?.replace("{number}", id) ?? name;
}

/** The time of day. @param {Date} at */
export const clockTime = (at) => clock.format(at);

/** When something ends: the time, and the date unless it is today's. @param {Date} at */
export const endTime = (at) => (midnight(at) === midnight(new Date()) ? clock : moment).format(at);

/**
 * A sentence with its {words} put in; what people wrote keeps a direction of its own.
 * @param {string} sentence @param {Record<string, string | number | undefined>} words
 */
export function put(sentence, words) {
  return sentence.replace(/\{(\w+)\}/g, (whole, name) => {
    const word = words[name];
    return typeof word === "number" ? numbers.format(word) : word === undefined ? whole : apart(word);
  });
}

const MINUTE = 60_000, HOUR = 60 * MINUTE, DAY = 24 * HOUR;

/** Shows when it was: how long ago within the hour, else by the clock. @param {HTMLTimeElement} time */
export function showTime(time, at = new Date(time.dateTime)) {
  const age = Date.now() - at.getTime();
  const recent = age < HOUR && age > -MINUTE;
  const minutes = Math.max(0, Math.floor(age / MINUTE));
  const text = !recent ? clock.format(at)
    : minutes ? ago.format(-minutes, "minute") : ago.format(0, "second");
  if (time.textContent !== text) time.textContent = text;
  time.title = exact.format(at);
}

/** @param {Date} at */
export function dayOf(at) {
  const days = Math.round((midnight(new Date()) - midnight(at)) / DAY);
  if (days === 0 || days === 1) return capital(ago.format(-days, "day"));
  return (days > 0 && days < 180 ? day : date).format(at);
}

/** @param {Date} at */
const midnight = (at) => new Date(at.getFullYear(), at.getMonth(), at.getDate()).getTime();

/** @param {string} text */
const capital = (text) => text.charAt(0).toLocaleUpperCase(language) + text.slice(1);

// No part of an address: white space, quotes, controls, and what turns text around. Round brackets
// are where it has both, other signs where it goes on after them.
const NOT = "\\s<>\"'`()\\p{Cc}\\p{Bidi_Control}", SIGNS = ".,:;!?…[\\]{}";
const PART = `[${SIGNS}]*(?:\\([^${NOT}]*\\)|[^${NOT}${SIGNS}])`;
const LINK = new RegExp(`https?://(?:${PART})+`, "gu");

/** Shows a text as it is, its addresses as links. @param {HTMLElement} box @param {string} text */
export function showText(box, text) {
  let end = 0;
  box.textContent = "";
  for (const { 0: address, index } of text.matchAll(LINK)) {
    if (!URL.canParse(address)) continue;
    const link = document.createElement("a");
    Object.assign(link, { href: address, textContent: address, target: "_blank" });
    link.rel = "noopener noreferrer nofollow ugc";
    box.append(text.slice(end, index), link);
    end = index + address.length;
  }
  box.append(text.slice(end));
}
