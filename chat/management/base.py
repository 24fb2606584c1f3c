"""What all ``manage.py chat_…`` have in common: examples, JSON, tables, asking first."""

from __future__ import annotations

import getpass
import os
import sys
from argparse import ArgumentParser
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, ClassVar

import msgspec
from django.core.management.base import (
    BaseCommand,
    CommandError,
    CommandParser,
    DjangoHelpFormatter,
)
from django.utils import timezone

from chat import moderation
from chat.management.screen import table
from chat.protocol.terminal import one_line
from chat.store import Actor


class HelpFormatter(DjangoHelpFormatter):
    """Keeps the lines of a command's examples as they are."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        if "\n" in text:
            return text
        return super()._fill_text(text, width, indent)


class ChatCommand(BaseCommand):
    """A command that prints for people, or one JSON document with ``--json``.

    Its exit status is 0 when it is done, 1 when it failed or nothing matched (``CommandError``),
    2 when it was called wrongly.
    """

    examples: ClassVar[Sequence[str]]
    """Command lines without ``manage.py``, for ``--help``."""

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """The parser, whose help ends with the examples."""
        lines = "\n".join(f"  manage.py {example}" for example in self.examples)
        return super().create_parser(
            prog_name,
            subcommand,
            formatter_class=HelpFormatter,
            epilog=f"examples:\n{lines}",
            **kwargs,
        )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add what every one of them takes."""
        parser.add_argument(
            "--json", action="store_true", help="print JSON on standard output, and nothing else"
        )

    def execute(self, *args: Any, **options: Any) -> str | None:
        """Run; without colours where ``NO_COLOR`` says so (https://no-color.org)."""
        if os.environ.get("NO_COLOR") and not options.get("force_color"):
            options["no_color"] = True
        try:
            return super().execute(*args, **options)
        except BrokenPipeError:
            # Whoever read it, `head` say, has enough. Python would complain when it flushes.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return None
        except KeyboardInterrupt:
            raise CommandError("Interrupted.", returncode=130) from None

    # What is printed

    def print_json(self, document: Any) -> None:
        """One JSON document on a line of its own; moments as RFC 3339."""
        self.stdout.write(harmless(msgspec.json.encode(document).decode()))

    def print_table(self, headings: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """A table in which nothing can steer the terminal."""
        texts = ([one_line(str(cell)) for cell in row] for row in rows)
        head, *lines = table(headings, texts)
        self.stdout.write(self.style.MIGRATE_HEADING(head))
        for line in lines:
            self.stdout.write(line)


class AskingCommand(ChatCommand):
    """One that asks before it does much."""

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add whether to ask."""
        super().add_arguments(parser)
        parser.add_argument(
            "--yes", action="store_true", help="do not ask before acting on more than one"
        )

    def ask(self, what: str, options: dict[str, Any]) -> None:
        """Have a person say yes to ``what``, a phrase such as ``disconnect 12 sessions``.

        Raises ``CommandError`` where they do not, or where nobody is there to be asked.
        """
        if options["yes"]:
            return
        if not sys.stdin.isatty():
            raise CommandError(f"This would {what}. Nobody is here to be asked: say --yes.")
        # Not on standard output, which may be somebody else's to read.
        self.stderr.write(f"This will {what}. Go on? [y/N] ", lambda text: text, ending="")
        self.stderr.flush()
        if sys.stdin.readline().strip().casefold() not in ("y", "yes"):
            raise CommandError("Nothing was done.")


class ActCommand(AskingCommand):
    """One whose act goes into the record."""

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add who acts."""
        super().add_arguments(parser)
        parser.add_argument(
            "--actor",
            metavar="NAME",
            default="",
            help="who is put into the record (default: the account that runs this)",
        )

    def actor(self, options: dict[str, Any]) -> Actor:
        """Who acts."""
        return moderation.by_command(options["actor"] or account())


def add_reason(parser: ArgumentParser) -> None:
    """Add why, where the record has a place for it."""
    parser.add_argument("--reason", default="", help="why, for the record")


def in_words(moment: datetime | None) -> str:
    """A moment in a table, in the site's time zone."""
    return "" if moment is None else f"{timezone.localtime(moment):%Y-%m-%d %H:%M}"


def account() -> str:
    """The name of the account that runs this process."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's account may have no name; KeyError until 3.12
        return f"uid {os.getuid()}"


_ESCAPES = {code: f"\\u{code:04x}" for code in range(0x7F, 0xA0)}


def harmless(document: str) -> str:
    """A JSON text whose control characters beyond ASCII's first 32 are escaped as well.

    They occur in nothing but strings, and a terminal may obey them.
    """
    return document.translate(_ESCAPES)
