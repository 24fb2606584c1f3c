"""What a page finds itself in: a device, a visitor's preferences, a network."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from tests.browser.devtools import PATIENCE, Tab

NO_LIMIT = -1

# To an address where a handshake is refused, as by a proxy that knows no WebSockets. Real, so that
# the page sees what it would see: an error, then a close with 1006.
_REFUSED_WEBSOCKETS = """
  window.WebSocket = class extends WebSocket {
    constructor(address, ...rest) {
      super(new URL("/no-websocket-here", new URL(address, location.href)), ...rest);
    }
  };
"""


class Circumstances(Tab):
    """A tab whose circumstances can be changed, at any time unless said otherwise."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._network: dict[str, Any] = {
            "offline": False,
            "latency": 0,
            "downloadThroughput": NO_LIMIT,
            "uploadThroughput": NO_LIMIT,
        }

    # The device

    def resize(self, width: int, height: int, *, phone: bool = False) -> None:
        """Give the window a size; a phone has finer pixels, and fingers instead of a mouse."""
        self._call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=2 if phone else 1,
            mobile=phone,
        )
        self._call("Emulation.setTouchEmulationEnabled", enabled=phone)

    # The visitor

    def prefer(self, **features: str) -> None:
        """Set what the visitor prefers, such as ``prefer(color_scheme="dark")``."""
        wanted = [
            {"name": f"prefers-{name.replace('_', '-')}", "value": value}
            for name, value in features.items()
        ]
        self._call("Emulation.setEmulatedMedia", features=wanted)

    def force_colors(self) -> None:
        """Let the visitor's system choose the colours, as its high-contrast modes do."""
        forced = [{"name": "forced-colors", "value": "active"}]
        self._call("Emulation.setEmulatedMedia", features=forced)

    def speak(self, languages: str) -> None:
        """Set the languages the visitor asks for, as in ``Accept-Language``."""
        self._call("Network.setExtraHTTPHeaders", headers={"Accept-Language": languages})

    def live_in(self, timezone: str) -> None:
        """Set the visitor's time zone, such as ``Europe/Berlin``."""
        self._call("Emulation.setTimezoneOverride", timezoneId=timezone)

    def carry(self, address: str, **cookies: str) -> None:
        """Give the visitor cookies of the site at ``address``."""
        for name, value in cookies.items():
            self._call("Network.setCookie", url=address, name=name, value=value)

    def permit(self, *permissions: str) -> None:
        """Grant what a page has to ask the visitor for, such as ``clipboardReadWrite``."""
        self._devtools.call(
            "Browser.grantPermissions",
            {"permissions": permissions, "browserContextId": self.context},
        )

    # Scripts

    def script(self, *, enabled: bool) -> None:
        """Switch JavaScript on or off, from the next page on."""
        self._call("Emulation.setScriptExecutionDisabled", value=not enabled)

    def before_scripts(self, source: str) -> None:
        """Run ``source`` in every page to come, before its own scripts."""
        self._call("Page.addScriptToEvaluateOnNewDocument", source=source)

    # The network

    def offline(self, cut: bool = True) -> None:
        """Cut this tab off from the network, or connect it again.

        Requests fail, new WebSockets too, ``navigator.onLine`` is false and ``offline`` is heard.
        WebSockets that are open stay so, as they do when a cable is pulled: nothing goes in or out,
        not even a close. What was under way arrives when the network is back.
        """
        deadline = time.monotonic() + PATIENCE
        self._conditions(offline=cut)
        # Once in thousands of times Chromium does not tell the page: it is told again.
        while self.evaluate("navigator.onLine") is cut:
            assert time.monotonic() < deadline, "the page is told of its network"
            time.sleep(0.2)
            self._conditions(offline=not cut)
            self._conditions(offline=cut)

    def throttle(self, *, latency_ms: float = 0, kbps: float = 0) -> None:
        """Slow this tab's network down, for sockets that are open as well; 0 is no limit.

        ``latency_ms`` is waited for before each answer to a request, and once by each WebSocket
        while it connects: the frames of an open one are not delayed. ``kbps`` holds for these as
        well, a packet of 1 500 bytes at a time: at 24 a frame takes half a second, however short.
        To hold frames back or break connections, put a ``tests.chaos.relay.Relay`` in between.
        """
        throughput = kbps * 1000 / 8 if kbps else NO_LIMIT
        self._conditions(
            latency=latency_ms, downloadThroughput=throughput, uploadThroughput=throughput
        )

    def _conditions(self, **changed: Any) -> None:
        self._network |= changed
        self._call("Network.emulateNetworkConditions", **self._network)

    def block(self, patterns: Sequence[str]) -> None:
        """Let requests fail whose addresses match, such as ``*/chat.css``; ``[]`` lets all pass.

        WebSockets are no requests to the browser: see ``refuse_websockets``.
        """
        self._call("Network.setBlockedURLs", urls=list(patterns))

    def refuse_websockets(self) -> None:
        """Let every WebSocket fail to connect, from now on and in every page to come.

        The server answers their handshakes with 403, which is also complained of.
        """
        self.before_scripts(_REFUSED_WEBSOCKETS)
        self.evaluate(f"{{ {_REFUSED_WEBSOCKETS} }}")
