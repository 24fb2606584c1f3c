/**
 * Calls those who listen, by the name of what happened.
 * @template {{ [name: string]: any }} M
 */
export class Emitter {
  /** @type {Map<keyof M, Set<(value: any) => void>>} */
  #calls = new Map();

  /** Returns what ends it. @template {keyof M} K @param {K} name @param {(value: M[K]) => void} call */
  on(name, call) {
    const calls = this.#calls.get(name) ?? new Set();
    this.#calls.set(name, calls.add(call));
    return () => calls.delete(call);
  }

  /** @template {keyof M} K @param {K} name @param {M[K]} [value] */
  emit(name, value) {
    for (const call of this.#calls.get(name) ?? []) call(value);
  }
}
