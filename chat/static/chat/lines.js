// The messages on the page. Their markup is the template's; text is only ever set as text.

// As chat.views has them.
const HUES = 8;
const SAME_BREATH = 5 * 60_000;

// Older messages leave the page: a room left open for days must not fill the browser.
const KEPT = 500;

export class Lines {
  #list; #template; #me;

  constructor(list, template, me) {
    this.#list = list;
    this.#template = template;
    this.#me = me;
    for (const time of list.querySelectorAll("time")) showTime(time);
  }

  // Whose messages are one's own.
  set me(id) {
    this.#me = id;
    for (const line of this.#list.children) this.#markOwn(line);
  }

  clear() {
    this.#list.replaceChildren();
  }

  add(message) {
    const line = this.#template.content.firstElementChild.cloneNode(true);
    const { id, name } = message.sender;
    line.dataset.seq = message.seq;
    line.dataset.sender = id;
    line.dataset.hue = [...id].reduce((sum, c) => sum + c.codePointAt(0), 0) % HUES;
    line.querySelector(".name").textContent = name;
    line.querySelector("time").dateTime = message.at;
    showTime(line.querySelector("time"));
    fill(line, { ...message, edited: "edited_at" in message });
    this.#markOwn(line);
    line.classList.toggle("follows", goesOn(this.#list.lastElementChild, line));
    this.#list.append(line);
    if (this.#list.childElementCount > KEPT) this.#list.firstElementChild.remove();
  }

  // Shows the message at `seq`, if it is here, as it now is.
  change(seq, now) {
    const line = this.#list.querySelector(`[data-seq="${Number(seq)}"]`);
    if (line) fill(line, now);
  }

  #markOwn(line) {
    line.classList.toggle("own", line.dataset.sender === this.#me);
  }
}

function fill(line, { text, edited = false, deleted = false }) {
  line.querySelector(".text").textContent = text;
  line.querySelector(".text").hidden = deleted;
  line.querySelector(".gone").hidden = !deleted;
  line.querySelector(".edited").hidden = !edited || deleted;
}

// Whether a message has the same sender as the one before it and comes soon after.
function goesOn(before, line) {
  if (!before || before.dataset.sender !== line.dataset.sender) return false;
  const [name, other] = [before, line].map((one) => one.querySelector(".name").textContent);
  const [at, then] = [before, line].map((one) => new Date(one.querySelector("time").dateTime));
  return name === other && then - at < SAME_BREATH;
}

function showTime(time) {
  const at = new Date(time.dateTime);
  const today = at.toDateString() === new Date().toDateString();
  const style = today ? { timeStyle: "short" } : { dateStyle: "medium", timeStyle: "short" };
  time.textContent = at.toLocaleString(document.documentElement.lang || undefined, style);
}
