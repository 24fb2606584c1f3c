"""The tests that node runs: ``tests/javascript/*.test.js``, each file a test of pytest's."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.node import node
from tests.programs import ROOT, bare_environment

# By hand: node --test tests/javascript/*.test.js
FILES = sorted(Path(__file__).parent.rglob("*.test.js"))
SECONDS = 60


def run(file: Path) -> tuple[int, str]:
    """Run a file of tests by itself, as ``node --test`` would; return the status and the report."""
    done = subprocess.run(
        [node(), "--test-reporter=spec", file],
        check=False,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        env={**bare_environment(), "NO_COLOR": "1"},
        cwd=ROOT,
        timeout=SECONDS,
    )
    return done.returncode, done.stdout


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_modules_do_what_their_tests_say(file: Path) -> None:
    status, printed = run(file)
    if status:
        pytest.fail(f"node {file.relative_to(ROOT)}\n{printed}", pytrace=False)


def test_failing_test_fails_and_says_why(tmp_path: Path) -> None:
    file = tmp_path / "wrong.test.mjs"
    file.write_text(
        "import { test } from 'node:test'; import assert from 'node:assert/strict';\n"
        "test('one and one', () => assert.equal(1 + 1, 3));\n"
    )
    status, printed = run(file)
    assert status == 1
    assert "one and one" in printed
    assert "wrong.test.mjs" in printed
    assert "2 !== 3" in printed


def test_nothing_that_is_shipped_is_for_node() -> None:
    """That the page's .js files are modules, node learns from the package.json at the top."""
    assert not list((ROOT / "chat").rglob("package*.json"))
