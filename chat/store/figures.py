"""What processes say of themselves: the newest of each in its row, and a sample for each minute."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec
from django.db.models import TextField
from django.db.models.functions import Cast, Now
from msgspec import Struct

from chat import conf
from chat.models import Node, Sample

KEPT = timedelta(hours=25)
"""How long samples are kept: the last day, and what is left of its first hour."""

SILENT_HEARTBEATS = 2.0
"""A process whose figures are older than this is silent: others take it for dead by then."""

# More than all processes of a site add in a minute, and few enough for one short statement.
PRUNED_AT_ONCE = 500


class Counts(Struct, omit_defaults=True):
    """What a process has done since it began. All of it only ever goes up.

    So what was done in a span of time is the difference of two readings; what several processes did
    is their sum.
    """

    posts: int = 0
    """Posts, edits and deletes that were taken for the log."""
    deliveries: int = 0
    """Logged events times the sessions that they were handed to."""
    commits: int = 0
    stored: int = 0
    """What those commits were about: together, the size of a batch."""
    healed: int = 0
    """Events that came from the log because the bus lost them."""
    faults: int = 0
    """What was logged as an error: exceptions of ours."""
    unavailable: int = 0
    """Commands answered so."""
    failures: int = 0
    """Of the channel layer."""
    closes: dict[int, int] = {}
    """Sessions that were closed or not let in, by their codes."""
    acks: dict[int, int] = {}
    """How long posts took from being taken to being answered: a histogram."""
    fanouts: dict[int, int] = {}
    """How long batches took from being heard to having been handed to every socket."""

    def copy(self) -> Counts:
        """A reading that stays as it is."""
        found = Counts()
        found += self
        return found

    def __iadd__(self, other: Counts) -> Counts:
        # In place, and only what is there: a day of ten processes is 14 400 of them.
        for name in _NUMBERS:
            count = getattr(other, name)
            if count:
                setattr(self, name, getattr(self, name) + count)
        for name in _DICTS:
            mine = getattr(self, name)
            for key, count in getattr(other, name).items():
                mine[key] = mine.get(key, 0) + count
        return self

    def __sub__(self, earlier: Counts) -> Counts:
        found = Counts()
        for name in _NUMBERS:
            setattr(found, name, getattr(self, name) - getattr(earlier, name))
        for name in _DICTS:
            before = getattr(earlier, name)
            counts = ((key, n - before.get(key, 0)) for key, n in getattr(self, name).items())
            setattr(found, name, {key: count for key, count in counts if count})
        return found


_DICTS = ("closes", "acks", "fanouts")
_NUMBERS = tuple(name for name in Counts.__struct_fields__ if name not in _DICTS)


class Busy(Struct, frozen=True):
    """A room as one process sees it."""

    room: str
    online: int
    """People in it, wherever they are connected."""
    sessions: int
    """Sessions in it, of this process."""
    posts: float
    """Events a minute, wherever they came from; of the last half to whole minute."""


class Report(Struct, frozen=True, kw_only=True):
    """What a process says of itself with a beat, or of one minute."""

    sessions: int = 0
    rooms: int = 0
    seconds: float = 0.0
    """The span that ``lately`` is about."""
    lately: Counts = msgspec.field(default_factory=Counts)
    ever: Counts = msgspec.field(default_factory=Counts)
    """Since the process began; without durations. Not in samples."""
    busy: list[Busy] = []
    """The rooms with the most people, and those with the most posts. Not in samples."""


class NodeFigures(Struct, frozen=True, kw_only=True):
    """A process's row. Times are the database's own, which all processes share."""

    pk: int
    name: str
    version: str
    started: datetime
    heard: datetime | None
    """When it wrote its report."""
    now: datetime
    report: Report


def node_figures(pk: int | None = None) -> list[NodeFigures]:
    """What all processes say of themselves, or one of them; by name."""
    nodes = Node.objects.using(conf.current().database).order_by("name")
    if pk is not None:
        nodes = nodes.filter(pk=pk)
    rows = nodes.values_list("pk", "name", "version", "started_at", "figures_at", Now(), "figures")
    return [
        NodeFigures(
            pk=pk,
            name=name,
            version=version,
            started=started,
            heard=heard,
            now=now,
            # Another version of the app may say other things: what is not known is passed over.
            report=msgspec.convert(figures, Report, strict=False),
        )
        for pk, name, version, started, heard, now, figures in rows
    ]


def keep_sample(name: str, minute: datetime, report: Report) -> None:
    """Keep what process ``name`` did in a minute, and let go of some of what is too old.

    Every process does so every minute, so that there are never many more than its own.
    """
    samples = Sample.objects.using(conf.current().database)
    figures = msgspec.to_builtins(report, str_keys=True)
    samples.bulk_create([Sample(node=name, minute=minute, figures=figures)], ignore_conflicts=True)
    old = samples.filter(minute__lt=minute - KEPT).order_by("minute")
    samples.filter(pk__in=list(old.values_list("pk", flat=True)[:PRUNED_AT_ONCE])).delete()


_report = msgspec.json.Decoder(Report, strict=False)


def samples_since(since: datetime, name: str | None = None) -> list[tuple[datetime, Report]]:
    """The samples of the minutes from ``since`` on, of all processes or of one, ascending.

    A day of ten processes has 14 400. As text: to decode them at once is ten times as fast as
    Django's own way.
    """
    samples = Sample.objects.using(conf.current().database).filter(minute__gte=since)
    if name is not None:
        samples = samples.filter(node=name)
    rows = samples.order_by("minute").values_list("minute", Cast("figures", TextField()))
    return [(minute, _report.decode(text)) for minute, text in rows]
