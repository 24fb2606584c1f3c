"""``manage.py chat_tail``: watch a room and talk in it, from a terminal."""

from __future__ import annotations

import asyncio
import signal
import sys
from argparse import ArgumentParser, ArgumentTypeError
from contextlib import nullcontext, suppress
from importlib.util import find_spec
from typing import Any, ClassVar
from urllib.parse import urlsplit

from django.core.management.base import CommandError

from chat import conf
from chat.management.base import ChatCommand
from chat.management.naming import named, user_named
from chat.management.tail.conversation import Conversation, Ended
from chat.management.tail.keyboard import Keyboard, Pipes, Silent, Terminal
from chat.management.tail.showing import ForPeople, ForPrograms, Showing
from chat.management.tail.signing_in import guest_cookie, signed_in
from chat.protocol.commands import HISTORY_MOST

SERVER = "ws://127.0.0.1:5000"
"""Where ``make run`` serves."""


class Command(ChatCommand):
    """One client of a running server."""

    help = (
        "Shows what is said in a room of a running server as it comes, and says there what is "
        "typed, or comes in by a pipe. It comes back after the server was away, without missing or "
        "repeating anything. Ctrl-D or Ctrl-C leaves. Times are in the site's time zone. With "
        "--json each line is an event of docs/protocol.md."
    )
    examples: ClassVar = (
        "chat_tail main",
        "chat_tail main --name Anna --url wss://chat.example.org/ws",
        "chat_tail orders --user anna --history 200 --once --json",
        "chat_tail main --listen --json | jq -r 'select(.type == \"message\").text'",
        "chat_tail deploys --name CI < notes.txt",
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Where to, as whom, and how."""
        super().add_arguments(parser)
        parser.add_argument(
            "room", type=named, metavar="ROOM", help="the room's name, as in its address"
        )
        parser.add_argument(
            "--url", type=_address, default=_own_address(), help="the WebSocket (%(default)s)"
        )
        who = parser.add_mutually_exclusive_group()
        who.add_argument("--name", default="", help="be a guest called NAME")
        who.add_argument(
            "--user",
            type=named,
            metavar="USERNAME",
            help="be this user, by a session that is made in this site's database for the time",
        )
        parser.add_argument(
            "--history",
            type=_count,
            default=20,
            metavar="N",
            help=f"show the last N messages first (%(default)s; at most {HISTORY_MOST})",
        )
        how = parser.add_mutually_exclusive_group()
        how.add_argument("--once", action="store_true", help="show the last messages and leave")
        how.add_argument("--listen", action="store_true", help="read no standard input")

    def handle(self, *args: Any, **options: Any) -> None:
        """Be in the room until one leaves. Exit status 1 where a line could not be sent."""
        if find_spec("websockets") is None:
            raise CommandError('This needs: pip install "channels-chat[cli]"')
        user = user_named(options["user"]) if options["user"] is not None else None
        conversation = Conversation(
            options["room"],
            history=options["history"],
            name=options["name"],
            user=str(user.pk) if user else "",
        )
        with signed_in(user) if user else nullcontext(guest_cookie()) as cookie:
            try:
                with suppress(KeyboardInterrupt, asyncio.CancelledError):
                    asyncio.run(self._run(conversation, cookie, options))
            except Ended as end:
                raise CommandError(str(end)) from None
        unsent = len(conversation.lines) + conversation.refused
        if unsent:
            raise CommandError(f"Lines that are not known to have been stored: {unsent}.")

    async def _run(self, conversation: Conversation, cookie: str, options: dict[str, Any]) -> None:
        # What this imports is an extra.
        from chat.management.tail.client import Client  # noqa: PLC0415 - only who tails needs it

        task = asyncio.current_task()
        assert task is not None, "this is one"
        with suppress(NotImplementedError):  # Windows
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        client = Client(
            options["url"],
            conversation,
            cookie=cookie,
            showing=self._showing(options),
            terminal=self._terminal(options),
        )
        await (client.look() if options["once"] else client.talk())

    def _showing(self, options: dict[str, Any]) -> Showing:
        if options["json"]:
            return ForPrograms(self._remark)
        return ForPeople(self.style)

    def _terminal(self, options: dict[str, Any]) -> Terminal:
        if options["listen"]:
            return Silent(self._write)
        people = not options["json"] and sys.stdin.isatty() and self.stdout.isatty()
        if people and sys.platform != "win32":
            return Keyboard(self._write, f"{options['room']}> ")
        return Pipes(self._write)

    def _write(self, text: str) -> None:
        self.stdout.write(text, ending="")
        self.stdout.flush()

    def _remark(self, text: str) -> None:
        self.stderr.write(text, lambda line: line)


def _own_address() -> str:
    path = conf.current().websocket_path
    return path if "://" in path else f"{SERVER}{path}"


def _address(text: str) -> str:
    try:
        parts = urlsplit(text)
        scheme = {"http": "ws", "https": "wss"}.get(parts.scheme, parts.scheme)
        if scheme in ("ws", "wss") and parts.hostname and parts.port != 0:
            return parts._replace(scheme=scheme, fragment="").geturl()
    except ValueError:
        pass  # a port that is no number, say: told below
    raise ArgumentTypeError(f"{text!r} is no address such as {SERVER}/ws")


def _count(text: str) -> int:
    if text.isdecimal() and int(text) <= HISTORY_MOST:
        return int(text)
    raise ArgumentTypeError(f"{text!r} is no number from 0 to {HISTORY_MOST}")
