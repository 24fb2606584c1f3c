"""A real Chromium without a window, driven through its DevTools protocol.

``Chromium`` is the program, ``Page`` a tab of it.
"""

from __future__ import annotations

import json
import shutil
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.browser.devtools import Devtools, DevtoolsError
from tests.browser.page import Page
from tests.programs import Program, bare_environment, find_program

__all__ = ["Chromium", "DevtoolsError", "Page"]

NAMES = ("chromium", "chromium-browser", "google-chrome")


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

    def forget(self, context: str) -> None:
        """Close a visitor's tabs, and drop what the browser keeps for them.

        Not waited for: of tabs that are just closing, Chromium has been seen never to answer.
        """
        self.devtools.send("Target.disposeBrowserContext", {"browserContextId": context})

    def close(self) -> None:
        """Disconnect and end the browser."""
        if self._devtools is not None:
            self._devtools.close()
            self._devtools = None
        super().close()
