"""A real Chromium without a window, driven through its DevTools protocol.

``Chromium`` is the program, ``Page`` a tab. The protocol needs no packages but ``websockets``,
which the site has anyway: commands and events are JSON over one socket
(chromedevtools.github.io/devtools-protocol).
"""

from __future__ import annotations

import base64
import itertools
import json
import shutil
import time
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

from tests.programs import Program, bare_environment, find_program

NAMES = ("chromium", "chromium-browser", "google-chrome")
PATIENCE = 15.0
"""Seconds for which a condition may fail to come true."""


class Chromium(Program):
    """One browser. Every ``page`` of it is a visitor of its own unless told to share."""

    attempts = 2

    def __init__(self, *, port: int | None = None) -> None:
        found = next(filter(None, map(shutil.which, NAMES)), None)
        self._program = Path(found) if found else find_program(NAMES[0])
        super().__init__(port=port)
        self._devtools: Devtools | None = None

    def command(self) -> Sequence[str | Path]:
        """Return a command line for a browser that keeps to itself."""
        flags = "headless no-sandbox disable-gpu disable-quic disable-dev-shm-usage no-first-run"
        flags += " disable-background-networking disable-component-update disable-sync"
        flags += " hide-scrollbars mute-audio no-default-browser-check force-color-profile=srgb"
        options = [f"--{flag}" for flag in flags.split()]
        options += [f"--remote-debugging-port={self.port}"]
        options += [f"--user-data-dir={self.directory / 'profile'}"]
        # Whatever it would like to look up, it reaches this machine alone.
        options += ["--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1"]
        return [self._program, *options, "about:blank"]

    def environment(self) -> Mapping[str, str]:
        """Return an environment in which the browser writes to its own directory only."""
        return {**bare_environment(), "HOME": str(self.directory)}

    def answers(self) -> bool:
        """Return whether DevTools can be connected to."""
        try:
            self._address()
        except OSError:
            return False
        return True

    def _address(self) -> str:
        with urllib.request.urlopen(
            f"http://127.0.0.1:{self.port}/json/version", timeout=5
        ) as answer:
            return str(json.load(answer)["webSocketDebuggerUrl"])

    @property
    def devtools(self) -> Devtools:
        """The connection to the browser, made when it is first wanted."""
        if self._devtools is None:
            self._devtools = Devtools(self._address())
        return self._devtools

    def page(self, *, like: Page | None = None, width: int = 1200, height: int = 800) -> Page:
        """Open a tab: of a new visitor, or a further one of the visitor who has ``like``."""
        if like is not None:
            context = like.context
        else:
            context = self.devtools.call("Target.createBrowserContext")["browserContextId"]
        target = self.devtools.call(
            "Target.createTarget",
            {"url": "about:blank", "browserContextId": context},
        )["targetId"]
        session = self.devtools.call(
            "Target.attachToTarget", {"targetId": target, "flatten": True}
        )["sessionId"]
        return Page(self.devtools, session, target, context, size=(width, height))

    def close(self) -> None:
        """Disconnect and end the browser."""
        if self._devtools is not None:
            self._devtools.close()
            self._devtools = None
        super().close()


class DevtoolsError(Exception):
    """A command that the browser refused."""


class Devtools:
    """Commands and events over one WebSocket. Single-threaded: events are read while waiting."""

    def __init__(self, address: str) -> None:
        self._open = ExitStack()
        self._socket: ClientConnection = self._open.enter_context(
            connect(address, max_size=None, compression=None)
        )
        self._numbers = itertools.count(1)
        self.listeners: dict[str, Callable[[str, dict[str, Any]], None]] = {}
        """By session, who is told of its events."""

    def call(
        self, method: str, params: Mapping[str, Any] | None = None, *, session: str | None = None
    ) -> dict[str, Any]:
        """Send a command and return its result. Raises ``DevtoolsError``."""
        number = next(self._numbers)
        command: dict[str, Any] = {"id": number, "method": method, "params": params or {}}
        if session is not None:
            command["sessionId"] = session
        self._socket.send(json.dumps(command))
        while True:
            message = json.loads(self._socket.recv(timeout=PATIENCE))
            if message.get("id") == number:
                if "error" in message:
                    raise DevtoolsError(f"{method}: {message['error']['message']}")
                result: dict[str, Any] = message["result"]
                return result
            listener = self.listeners.get(message.get("sessionId", ""))
            if listener is not None and "method" in message:
                listener(message["method"], message["params"])

    def close(self) -> None:
        """Disconnect."""
        self._open.close()


class Page:
    """A tab. What goes wrong in it is noted in ``complaints``, one line each."""

    def __init__(
        self, devtools: Devtools, session: str, target: str, context: str, *, size: tuple[int, int]
    ) -> None:
        self._devtools = devtools
        self._session = session
        self._target = target
        self.context = context
        self.complaints: list[str] = []
        devtools.listeners[session] = self._note
        for domain in ("Page", "Runtime", "Log", "Network"):
            self._call(f"{domain}.enable")
        self.resize(*size)

    def _call(self, method: str, **params: Any) -> dict[str, Any]:
        return self._devtools.call(method, params, session=self._session)

    def _note(self, method: str, params: dict[str, Any]) -> None:
        match method:
            case "Runtime.exceptionThrown":
                details = params["exceptionDetails"]
                thrown = details.get("exception", {}).get("description", "")
                self.complaints.append(f"exception: {details['text']} {thrown}")
            case "Runtime.consoleAPICalled" if params["type"] in ("error", "warning", "assert"):
                self.complaints.append(f"console: {params['args']}")
            case "Log.entryAdded" if params["entry"]["level"] in ("error", "warning"):
                entry = params["entry"]
                self.complaints.append(f"{entry['source']}: {entry['text']}")

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

    def close(self) -> None:
        """Close the tab."""
        self._devtools.listeners.pop(self._session, None)
        self._devtools.call("Target.closeTarget", {"targetId": self._target})

    def forgive(self, complaint: str) -> None:
        """Forget the complaints that contain ``complaint``: they were to be expected."""
        self.complaints = [line for line in self.complaints if complaint not in line]

    # Looking

    def evaluate(self, expression: str) -> Any:
        """Return the value of a JavaScript expression; promises are waited for."""
        answer = self._call(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        if "exceptionDetails" in answer:
            raise DevtoolsError(f"{expression}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def wait_until(self, expression: str, *, seconds: float = PATIENCE) -> Any:
        """Return the value of an expression once it is true; fail, saying what it was, if never."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                value: Any = self.evaluate(expression)
            except DevtoolsError as error:
                value = error  # the page is just being replaced by another
            else:
                if value:
                    return value
            assert time.monotonic() < deadline, (
                f"never true: {expression}\nlast: {value!r}\n{self.complaints}\n{self.text('body')}"
            )
            time.sleep(0.02)

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

    # Doing

    def click(self, selector: str) -> None:
        """Click the middle of an element, with the mouse."""
        box = self.wait_until(
            f"(() => {{ const e = document.querySelector({json.dumps(selector)});"
            " if (!e) return null; e.scrollIntoView({block: 'nearest'});"
            " const b = e.getBoundingClientRect();"
            " return b.width ? [b.x + b.width / 2, b.y + b.height / 2] : null; })()"
        )
        for kind in ("mousePressed", "mouseReleased"):
            self._call(
                "Input.dispatchMouseEvent",
                type=kind,
                x=box[0],
                y=box[1],
                button="left",
                clickCount=1,
            )

    def write(self, selector: str, text: str) -> None:
        """Put the cursor into a field and insert ``text`` in place of what is there."""
        self.click(selector)
        self.evaluate(f"document.querySelector({json.dumps(selector)}).select()")
        self._call("Input.insertText", text=text)

    def press(self, key: str, *, code: int, text: str = "", shift: bool = False) -> None:
        """Press a key, such as ``press("Enter", code=13, text="\\r")``."""
        for kind in ("keyDown", "keyUp"):
            self._call(
                "Input.dispatchKeyEvent",
                type=kind,
                key=key,
                code=key,
                windowsVirtualKeyCode=code,
                modifiers=8 if shift else 0,
                **({"text": text} if text and kind == "keyDown" else {}),
            )

    def enter(self, *, shift: bool = False) -> None:
        """Press Enter."""
        self.press("Enter", code=13, text="\r", shift=shift)

    # The circumstances

    def resize(self, width: int, height: int, *, phone: bool = False) -> None:
        """Give the window a size; a phone has finer pixels and no mouse."""
        self._call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=2 if phone else 1,
            mobile=phone,
        )

    def prefer(self, **features: str) -> None:
        """Set what the visitor prefers, such as ``prefer(color_scheme="dark")``."""
        wanted = [
            {"name": f"prefers-{name.replace('_', '-')}", "value": value}
            for name, value in features.items()
        ]
        self._call("Emulation.setEmulatedMedia", features=wanted)

    def speak(self, languages: str) -> None:
        """Set the languages the visitor asks for, as in ``Accept-Language``."""
        self._call("Network.setExtraHTTPHeaders", headers={"Accept-Language": languages})

    def script(self, *, enabled: bool) -> None:
        """Switch JavaScript on or off, from the next page on."""
        self._call("Emulation.setScriptExecutionDisabled", value=not enabled)

    def before_scripts(self, source: str) -> None:
        """Run ``source`` in every page to come, before its own scripts."""
        self._call("Page.addScriptToEvaluateOnNewDocument", source=source)

    def controls(self) -> dict[str, str]:
        """Return what a screen reader calls the controls of the page, each with its role."""
        nodes = self._call("Accessibility.getFullAXTree")["nodes"]
        roles = ("button", "textbox", "link", "log", "navigation", "searchbox")
        return {
            str(node.get("name", {}).get("value", "")): node["role"]["value"]
            for node in nodes
            if not node["ignored"] and node["role"]["value"] in roles
        }

    def screenshot(self, path: Path) -> None:
        """Save what the window shows as PNG."""
        data = self._call("Page.captureScreenshot", format="png")["data"]
        path.write_bytes(base64.b64decode(data))
