"""Chromium's DevTools protocol: commands and events as JSON over one socket.

It needs no packages but ``websockets``, which the site has anyway
(chromedevtools.github.io/devtools-protocol).
"""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Any

from websockets.sync.client import ClientConnection, connect

PATIENCE = 40.0
"""Seconds for which a condition may fail to come true."""


class DevtoolsError(Exception):
    """A command that the browser refused."""


class Devtools:
    """The connection to one browser. Single-threaded: events are read while waiting."""

    def __init__(self, address: str) -> None:
        self._open = ExitStack()
        self._socket: ClientConnection = self._open.enter_context(
            # No keepalive: while no test asks for anything, events fill the queue unread,
            # and the pongs behind them with it.
            connect(address, max_size=None, compression=None, ping_interval=None)
        )
        self._numbers = itertools.count(1)
        self.listeners: dict[str, Callable[[str, dict[str, Any]], None]] = {}
        """By session, who is told of its events."""

    def call(
        self, method: str, params: Mapping[str, Any] | None = None, *, session: str | None = None
    ) -> dict[str, Any]:
        """Send a command and return its result. Raises ``DevtoolsError``, ``TimeoutError``."""
        number = self.send(method, params, session=session)
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                message = json.loads(self._socket.recv(timeout=deadline - time.monotonic()))
            except TimeoutError:
                raise TimeoutError(f"no answer to {method}") from None
            if message.get("id") == number:
                if "error" in message:
                    raise DevtoolsError(f"{method}: {message['error']['message']}")
                result: dict[str, Any] = message["result"]
                return result
            listener = self.listeners.get(message.get("sessionId", ""))
            if listener is not None and "method" in message:
                listener(message["method"], message["params"])

    def send(
        self, method: str, params: Mapping[str, Any] | None = None, *, session: str | None = None
    ) -> int:
        """Send a command and do not wait for its result; its number."""
        number = next(self._numbers)
        command: dict[str, Any] = {"id": number, "method": method, "params": params or {}}
        if session is not None:
            command["sessionId"] = session
        self._socket.send(json.dumps(command))
        return number

    def close(self) -> None:
        """Disconnect."""
        self._open.close()


class Tab:
    """One tab: its commands, and in ``complaints`` what goes wrong in it, one line each.

    Complaints are exceptions, what the console is told with ``error``, ``warn`` or ``assert``, and
    what the browser logs itself: requests that fail, and breaches of a Content-Security-Policy.
    """

    def __init__(self, devtools: Devtools, session: str, target: str, context: str) -> None:
        self._devtools = devtools
        self._session = session
        self._target = target
        self.context = context
        self._complaints: list[str] = []
        self._forgiven: list[str] = []
        devtools.listeners[session] = self._note
        for domain in ("Page", "Runtime", "Log", "Network", "Performance"):
            self._call(f"{domain}.enable")

    def _call(self, method: str, **params: Any) -> dict[str, Any]:
        return self._devtools.call(method, params, session=self._session)

    def _note(self, method: str, params: dict[str, Any]) -> None:
        match method:
            case "Runtime.exceptionThrown":
                details = params["exceptionDetails"]
                thrown = details.get("exception", {}).get("description", "")
                self._complaints.append(f"exception: {details['text']} {thrown}")
            case "Runtime.consoleAPICalled" if params["type"] in ("error", "warning", "assert"):
                self._complaints.append(f"console: {params['args']}")
            case "Log.entryAdded" if params["entry"]["level"] in ("error", "warning"):
                entry = params["entry"]
                self._complaints.append(f"{entry['source']}: {entry['text']}")

    def close(self) -> None:
        """Close the tab."""
        self._devtools.listeners.pop(self._session, None)
        self._devtools.call("Target.closeTarget", {"targetId": self._target})

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
            if time.monotonic() > deadline:
                seen = self.evaluate("document.body?.innerText")
                raise AssertionError(
                    f"never true: {expression}\nlast: {value!r}\n{self.complaints}\n{seen}"
                )
            time.sleep(0.02)

    def wait_for_complaint(self, text: str) -> str:
        """Return the first complaint that contains ``text``, once there is one; forget them all."""
        deadline = time.monotonic() + PATIENCE
        while not (found := [line for line in self.complaints if text in line]):
            assert time.monotonic() < deadline, f"no complaint of {text!r}: {self.complaints}"
            time.sleep(0.02)
            self.evaluate("0")  # events are read on the way
        self._complaints = [line for line in self._complaints if text not in line]
        return found[0]

    @property
    def complaints(self) -> list[str]:
        """What nobody had to expect."""
        return [
            line for line in self._complaints if not any(map(line.__contains__, self._forgiven))
        ]

    def forgive(self, complaint: str) -> None:
        """Expect complaints that contain ``complaint``, those that are still to come as well."""
        self._forgiven.append(complaint)
