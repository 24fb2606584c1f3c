"""A tab as its visitor has it: goes to pages, looks at them, clicks and types."""

from __future__ import annotations

import base64
import json
import time
from pathlib import Path
from typing import Any

from tests.browser.circumstances import Circumstances
from tests.browser.devtools import PATIENCE, Devtools

# By the name of a key: the number Windows has for it, and what it types.
KEYS = {
    "Backspace": (8, ""),
    "Tab": (9, ""),
    "Enter": (13, "\r"),
    "Escape": (27, ""),
    " ": (32, " "),
    "PageUp": (33, ""),
    "PageDown": (34, ""),
    "End": (35, ""),
    "Home": (36, ""),
    "ArrowLeft": (37, ""),
    "ArrowUp": (38, ""),
    "ArrowRight": (39, ""),
    "ArrowDown": (40, ""),
    "Delete": (46, ""),
}

_NOTE_LONG_TASKS = """
  window.longTasks = [];
  new PerformanceObserver((list) => {
    for (const task of list.getEntries()) longTasks.push(task.duration);
  }).observe({ type: "longtask", buffered: true });
"""


class Page(Circumstances):
    """A tab."""

    def __init__(
        self, devtools: Devtools, session: str, target: str, context: str, *, size: tuple[int, int]
    ) -> None:
        super().__init__(devtools, session, target, context)
        self.resize(*size)

    # Going places

    def goto(self, address: str) -> Page:
        """Load a page and wait until its scripts have run."""
        failed = self._call("Page.navigate", url=address).get("errorText")
        assert not failed, f"{address}: {failed}"
        return self.loaded()

    def reload(self) -> Page:
        """Load the page again, as the button does."""
        self.evaluate("window.beforeReload = true")
        self._call("Page.reload")
        self.wait_until("!window.beforeReload")
        return self.loaded()

    def loaded(self) -> Page:
        """Wait until the page is complete."""
        self.wait_until("document.readyState === 'complete'")
        return self

    def front(self) -> None:
        """Bring the tab to the front: the visitor's other ones are hidden then."""
        self._call("Page.bringToFront")

    # Looking

    def text(self, selector: str) -> str:
        """Return the text of an element as it is seen; empty where there is none."""
        found = self.evaluate(f"document.querySelector({json.dumps(selector)})?.innerText ?? ''")
        return str(found)

    def texts(self, selector: str) -> list[str]:
        """Return the texts of all elements that match."""
        every = f"Array.from(document.querySelectorAll({json.dumps(selector)}), e => e.innerText)"
        return [str(text) for text in self.evaluate(every)]

    def wait_for_text(self, selector: str, text: str) -> None:
        """Wait until an element that matches shows ``text``."""
        every = f"Array.from(document.querySelectorAll({json.dumps(selector)}))"
        self.wait_until(f"{every}.some(e => e.innerText.includes({json.dumps(text)}))")

    def controls(self) -> dict[str, str]:
        """Return what a screen reader calls the controls of the page, each with its role."""
        nodes = self._call("Accessibility.getFullAXTree")["nodes"]
        roles = ("button", "textbox", "link", "log", "navigation", "searchbox")
        return {
            str(node.get("name", {}).get("value", "")): node["role"]["value"]
            for node in nodes
            if not node["ignored"] and node["role"]["value"] in roles
        }

    # Doing

    def _middle(self, selector: str) -> tuple[float, float]:
        """Return where the middle of an element is, having scrolled to it.

        On a page that has its styles and was painted: before that it moves, or hears no mouse.
        """
        self.wait_until(
            "document.readyState === 'complete'"
            " && (document.hidden || performance.getEntriesByType('paint').length > 0)"
        )
        x, y = self.wait_until(
            f"(() => {{ const e = document.querySelector({json.dumps(selector)});"
            " if (!e) return null; e.scrollIntoView({block: 'nearest'});"
            " const b = e.getBoundingClientRect();"
            " return b.width ? [b.x + b.width / 2, b.y + b.height / 2] : null; })()"
        )
        return x, y

    def hover(self, selector: str) -> None:
        """Move the mouse to the middle of an element."""
        x, y = self._middle(selector)
        self._call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    def click(self, selector: str) -> None:
        """Click the middle of an element, with the mouse."""
        x, y = self._middle(selector)
        for kind in ("mousePressed", "mouseReleased"):
            self._call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def tap(self, selector: str) -> None:
        """Tap on the middle of an element, with a finger."""
        x, y = self._middle(selector)
        self._call("Input.dispatchTouchEvent", type="touchStart", touchPoints=[{"x": x, "y": y}])
        self._call("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])

    def write(self, selector: str, text: str) -> None:
        """Put the cursor into a field and insert ``text`` in place of what is there."""
        self.click(selector)
        self.evaluate(f"document.querySelector({json.dumps(selector)}).select()")
        self._call("Input.insertText", text=text)

    def type(self, text: str) -> None:
        """Type ``text`` where the cursor is, a key at a time; a line break is Enter.

        What no key of a small keyboard is for is inserted, as by an input method.
        """
        for character in text:
            if character == "\n":
                self.enter()
            elif character.isascii():
                self.press(character)
            else:
                self._call("Input.insertText", text=character)

    def press(
        self,
        key: str,
        *,
        code: int = 0,
        text: str = "",
        shift: bool = False,
        control: bool = False,
        times: int = 1,
    ) -> None:
        """Press a key by its name, such as ``press("Escape")`` or ``press("a", control=True)``.

        ``code``, Windows' number, and ``text``, what it types, are for keys of more than one letter
        that ``KEYS`` has not.
        """
        number, types = KEYS.get(key, (0, ""))
        if len(key) == 1:
            # A letter's and a digit's number is its own; a point's would be that of Delete.
            number, types = (ord(key.upper()) if key.isalnum() else number), key
        event: dict[str, Any] = {
            "key": key,
            "code": f"Key{key.upper()}" if len(key) == 1 and key.isalpha() else key,
            "windowsVirtualKeyCode": code or number,
            "modifiers": 2 * control + 8 * shift,
        }
        typed = "" if control else text or types
        down = {"type": "keyDown", "text": typed} if typed else {"type": "rawKeyDown"}
        for _ in range(times):
            self._call("Input.dispatchKeyEvent", **event, **down)
            self._call("Input.dispatchKeyEvent", **event, type="keyUp")

    def enter(self, *, shift: bool = False) -> None:
        """Press Enter."""
        self.press("Enter", shift=shift)

    def tab(self, *, shift: bool = False, times: int = 1) -> None:
        """Press Tab: on to what can be used next, or back."""
        self.press("Tab", shift=shift, times=times)

    def arrow(self, direction: str, *, shift: bool = False, times: int = 1) -> None:
        """Press an arrow key: ``Up``, ``Down``, ``Left`` or ``Right``."""
        self.press(f"Arrow{direction}", shift=shift, times=times)

    def compose(self, text: str) -> None:
        """Compose ``text`` with an input method, without choosing it yet; ``type`` chooses."""
        self._call(
            "Input.imeSetComposition", text=text, selectionStart=len(text), selectionEnd=len(text)
        )

    def download(self, selector: str, directory: Path) -> Path:
        """Click what starts a download, and return the file once it is in ``directory``."""
        self._devtools.call(
            "Browser.setDownloadBehavior",
            {
                "behavior": "allow",
                "browserContextId": self.context,
                "downloadPath": str(directory),
            },
        )
        before = set(directory.iterdir())
        self.click(selector)
        deadline = time.monotonic() + PATIENCE
        while True:
            new = set(directory.iterdir()) - before
            if len(new) == 1 and not any(path.suffix == ".crdownload" for path in new):
                return new.pop()
            assert time.monotonic() < deadline, f"no download: {new}"
            time.sleep(0.02)

    # Measuring

    def metrics(self) -> dict[str, float]:
        """Return what the browser counts, such as ``Nodes``, ``LayoutCount``, ``JSHeapUsedSize``.

        Durations are in seconds, sizes in bytes (``Performance.getMetrics``). Garbage is collected
        first, so that what is counted is what is held.
        """
        self._call("HeapProfiler.collectGarbage")
        found = self._call("Performance.getMetrics")["metrics"]
        return {str(metric["name"]): float(metric["value"]) for metric in found}

    def note_long_tasks(self) -> None:
        """Keep account of long tasks, in this page from now on and in every page to come."""
        self.before_scripts(_NOTE_LONG_TASKS)
        self.evaluate(f"{{ {_NOTE_LONG_TASKS} }}")

    def long_tasks(self) -> list[float]:
        """Return how many milliseconds the page did not answer, each time over 50, so far.

        They are there since ``note_long_tasks``; a page that is loaded begins anew.
        """
        # The browser tells of a task after it has ended, before it is idle again.
        self.evaluate("new Promise((done) => requestIdleCallback(() => setTimeout(done)))")
        return [float(duration) for duration in self.evaluate("longTasks")]

    def screenshot(self, path: Path, *, full: bool = False) -> None:
        """Save what the window shows as PNG, or the full page however far it can be scrolled."""
        wanted: dict[str, Any] = {"format": "png"}
        if full:
            size = self._call("Page.getLayoutMetrics")["cssContentSize"]
            wanted |= {"captureBeyondViewport": True, "clip": {**size, "scale": 1}}
        path.write_bytes(base64.b64decode(self._call("Page.captureScreenshot", **wanted)["data"]))
