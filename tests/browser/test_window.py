"""Of ten thousand messages the page holds a window, and one more is no more work than of a few."""

from __future__ import annotations

from tests.browser.conftest import Visits, shown
from tests.browser.talk import LOG, MOST, drawn, rows

FEED = """{
  const { log, room } = document.querySelector("chat-room");
  const sender = { id: "s", name: "Robot" };
  const at = new Date(Date.now() - 3600_000).toISOString();
  log.timeline.clear();
  for (let seq = 1; seq <= 10_000; seq++) {
    const message = { id: `m${seq}`, sender, text: `message ${seq}`, at };
    log.timeline.apply({ type: "message", room: room.slug, seq, ...message });
  }
  log.timeline.more = false;
  log.toEnd();
}"""

# Adds a message, and says how many changes to the page and lines of the log that took.
COUNT_AN_UPDATE = """(() => {
  const { log, room } = document.querySelector("chat-room");
  const { timeline } = log;
  const seq = timeline.lines.at(-1).seq + 1;
  const message = { id: "", sender: { id: "s", name: "Robot" }, text: "new" };
  const at = new Date().toISOString();
  timeline.apply({ type: "message", room: room.slug, seq, at, ...message });
  let read = 0;
  timeline.lines = new Proxy(timeline.lines, {
    get(lines, name, proxy) {
      if (/^\\d+$/.test(String(name))) read += 1;
      return Reflect.get(lines, name, proxy);
    },
  });
  const observer = new MutationObserver(() => undefined);
  const all = { childList: true, subtree: true, attributes: true };
  observer.observe(document.querySelector(".lines"), all);
  log.update();
  return [observer.takeRecords().length, read];
})()"""


def test_ten_thousand_messages_are_a_window_of_some(visits: Visits, room: str) -> None:
    page = visits.enter(room)
    page.evaluate(FEED)
    drawn(page)
    page.note_long_tasks()
    assert shown(page)[-1] == "message 10000"
    assert rows(page) <= MOST
    for _ in range(30):
        page.evaluate(f"{LOG}.scrollTop = 0; 0")
        drawn(page)
        assert rows(page) <= MOST
    numbers = [int(text.removeprefix("message ")) for text in shown(page)]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    assert numbers[0] < 9000
    page.click(".latest")
    page.wait_for_text(".text", "message 10000")
    drawn(page)
    assert rows(page) <= MOST
    # Not held to a limit: the machine may be busy with other things.
    print("long tasks, ms:", page.long_tasks())


def test_message_is_no_more_work_after_ten_thousand_than_after_a_few_hundred(
    visits: Visits, room: str
) -> None:
    page = visits.enter(room)
    page.evaluate(FEED.replace("10_000", "300"))
    few = page.evaluate(COUNT_AN_UPDATE)
    page.evaluate(FEED)
    many = page.evaluate(COUNT_AN_UPDATE)
    print("changes and reads, after 300 and after 10 000:", few, many)
    assert many[0] <= few[0]
    # A search by halves looks at some five more.
    assert many[1] <= few[1] + 50
