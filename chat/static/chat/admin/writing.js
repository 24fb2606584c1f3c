/** How figures are written, as chat/admin/writing.py writes them. */

const NONE = "–";

const AGES = /** @type {const} */ ([["days", 86_400], ["hours", 3600], ["minutes", 60], ["seconds", 1]]);

/**
 * The moment as the server writes it, in its zone and not in the reader's: ISO 8601.
 *
 * @param {string} like a time that the server has written, with its offset
 * @param {Date} at
 */
export const inZoneOf = (like, at) => {
  const [offset, sign, hours, minutes] = /([+-])(\d\d):(\d\d)$/.exec(like) ?? ["+00:00", "+", "0", "0"];
  const ahead = Number(`${sign}1`) * (Number(hours) * 60 + Number(minutes));
  return new Date(at.getTime() + ahead * 60_000).toISOString().slice(0, 19) + offset;
};

export class Writing {
  #words; #language;

  /** @param {DOMStringMap} words the page's texts, with `%s` for a number */
  constructor(words, language = document.documentElement.lang || "en") {
    this.#words = words;
    this.#language = language;
  }

  /** @param {string} kind @param {number | null} value */
  write(kind, value) {
    if (value === null) return NONE;
    if (kind === "age") return this.#age(value);
    if (kind === "number") return this.#number(value, 0);
    if (kind === "milliseconds") return this.#number(value, value < 10 ? 1 : 0);
    return this.#number(value, value < 100 ? 1 : 0);
  }

  /** @param {string} age */
  silent(age) {
    return this.#with("silent", age);
  }

  /** @param {number} seconds */
  #age(seconds) {
    const [name, size] = AGES.find(([, size]) => seconds >= 2 * size) ?? AGES[AGES.length - 1];
    return this.#with(name, this.#number(Math.floor(seconds / size), 0));
  }

  /** @param {string} name @param {string} value */
  #with(name, value) {
    return (this.#words[name] ?? "%s").replace("%s", value);
  }

  /** @param {number} value @param {number} places */
  #number(value, places) {
    return value.toLocaleString(this.#language, { minimumFractionDigits: places, maximumFractionDigits: places });
  }
}
