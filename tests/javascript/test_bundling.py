"""The modules in a bundler's hands, as docs/browser.md says it is done."""

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.docs.test_browser import code, imported
from tests.node import node, package
from tests.programs import ROOT, bare_environment

GUIDE = (ROOT / "docs" / "browser.md").read_text()
EXAMPLE, IMPORT = re.findall(r"^```js\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)[:2]
(COMMAND,) = re.findall(r"^```sh\n(esbuild .*?)^```", GUIDE, re.MULTILINE | re.DOTALL)
SECONDS = 60


def bundle(app: str, directory: Path) -> Path:
    """Make one file of ``app`` and what it imports, in a site's directory; return that file."""
    programs = package("esbuild/bin/esbuild").parent, Path(sys.executable).parent, node().parent
    environment = bare_environment()
    environment["PATH"] = os.pathsep.join([*map(str, programs), environment["PATH"]])
    (directory / "app.js").write_text(app)
    (directory / "package.json").write_text('{"type": "module"}')  # as a page has it
    (directory / "manage.py").symlink_to(ROOT / "manage.py")
    subprocess.run(
        ["sh", "-c", COMMAND],
        check=True,
        stdin=subprocess.DEVNULL,
        cwd=directory,
        env=environment,
        timeout=SECONDS,
    )
    return directory / "static" / "app.js"


def test_client_library_works_in_one_file(tmp_path: Path) -> None:
    first, rest = EXAMPLE.split("\n", 1)
    assert first.startswith("import { Client }")
    made = bundle(IMPORT + rest, tmp_path)
    assert not re.search(r"\bimport\b", made.read_text()), "all of it is in there"
    done = subprocess.run(
        [node(), "--test-reporter=spec", Path(__file__).parent / "bundled.js"],
        check=False,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        env={**bare_environment(), "BUNDLE": str(made)},
        cwd=ROOT,
        timeout=SECONDS,
    )
    assert done.returncode == 0, done.stdout


def test_element_and_list_of_rooms_are_no_bigger_than_told(tmp_path: Path) -> None:
    made = bundle('import "channels-chat/rooms.js";\n', tmp_path)
    assert "customElements.define" in made.read_text()
    modules = imported("rooms.js") | {"stream.js", "moderating.js"}
    assert made.stat().st_size <= sum(len(code(name)) for name in modules)
