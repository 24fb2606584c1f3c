"""What docs/browser.md says of the style and the weight of a page is so."""

import gzip
import re
from collections.abc import Iterable
from itertools import chain

from tests.programs import ROOT

GUIDE = (ROOT / "docs" / "browser.md").read_text()
STATIC = ROOT / "chat" / "static" / "chat"


def test_properties_that_a_site_may_set_are_those_of_the_style() -> None:
    style = "".join(path.read_text() for path in STATIC.glob("*.css"))
    used = set(re.findall(r"--chat-[\w-]+", style))
    told = set(re.findall(r"`(--chat-[\w-]+)`", GUIDE))
    assert told == used


def imported(name: str, found: frozenset[str] = frozenset()) -> frozenset[str]:
    """Return the modules that a browser loads along with one."""
    found |= {name}
    imports = re.findall(r'^import [^;]*? from "\./([\w-]+\.js)";', source(name), re.MULTILINE)
    for other in imports:
        if other not in found:
            found = imported(other, found)
    return found


def source(name: str) -> str:
    return (STATIC / name).read_text()


def kilobytes(contents: Iterable[bytes]) -> int:
    return round(sum(map(len, contents)) / 1000)


def code(name: str) -> bytes:
    """Return a file without comments and indentation."""
    without = re.sub(r"/\*.*?\*/", "", source(name), flags=re.DOTALL)
    without = re.sub(r"(^|\s)// .*$", "", without, flags=re.MULTILINE)
    return "\n".join(filter(None, map(str.strip, without.splitlines()))).encode()


def weights(names: Iterable[str]) -> list[int]:
    """Return what files weigh: as served, without comments, compressed."""
    names = list(names)
    served = [source(name).encode() for name in names]
    return [
        kilobytes(served),
        kilobytes(map(code, names)),
        kilobytes(gzip.compress(content, 9) for content in served),
    ]


PAGE = imported("rooms.js") | {"chat-room.css", "messages.css", "pages.css"}


def test_weight_of_a_page_is_what_it_loads() -> None:
    (page,) = re.findall(r"<!-- weight -->(\d+) kB<!-- /weight -->", GUIDE)
    (compressed,) = re.findall(r"<!-- gzip -->(\d+) kB<!-- /gzip -->", GUIDE)
    assert [int(page), int(compressed)] == weights(PAGE)[::2]


def test_weight_of_each_part_is_what_is_told() -> None:
    table = re.findall(r"^\| [^|]+ \| (\d+) kB \| (\d+) kB \| (\d+) kB \| (.*) \|$", GUIDE, re.M)
    parts = [(list(map(int, row[:3])), re.findall(r"`([\w.-]+)`", row[3])) for row in table]
    for told, names in parts:
        assert told == weights(names), names
    *page, later = [names for _, names in parts]
    assert sorted(chain.from_iterable(page)) == sorted(PAGE)
    everything = {path.name for kind in ("*.js", "*.css") for path in STATIC.glob(kind)}
    assert sorted(later) == sorted(everything - PAGE)


def test_modules_that_a_page_is_told_of_early_are_those_it_imports() -> None:
    told = (ROOT / "chat" / "templates" / "chat" / "modules.html").read_text()
    assert set(re.findall(r"'chat/([\w-]+\.js)'", told)) == imported("chat-room.js")
    assert imported("rooms.js") == imported("chat-room.js") | {"rooms.js"}


def test_names_of_the_client_library_are_there() -> None:
    source = "".join((STATIC / f"{name}.js").read_text() for name in ("client", "room", "emitter"))
    library = GUIDE[GUIDE.index("## The client library") : GUIDE.index("## What a page weighs")]
    for name in re.findall(r"`(\w+)\(", library):
        assert re.search(rf"^  (?:async )?{name}\(", source, re.MULTILINE), name
