import subprocess
from pathlib import Path

import pytest

from tests.node import node, package
from tests.programs import ROOT
from tests.tooling.shell import run

RIGHT = """// @ts-check
/** @param {string} text @returns {number} */
export const size = (text) => [...text].length;
/** @type {ReturnType<typeof setTimeout> | undefined} */
export let timer = setTimeout(() => {}, size(document.title));
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A directory with the modules' configuration, and with the tests' own."""
    (tmp_path / "node_modules").symlink_to(package("."))
    for name in ("tsconfig.json", "tests/javascript/tsconfig.json"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text((ROOT / name).read_text())
    (tmp_path / "chat" / "static" / "chat").mkdir(parents=True)
    return tmp_path


def check(project: Path, where: str = ".") -> subprocess.CompletedProcess[str]:
    """Check what the configuration in a directory covers."""
    return run(node(), package("typescript/bin/tsc"), "--project", where, cwd=project)


def test_module_with_right_types_passes_for_the_page_and_for_node(project: Path) -> None:
    module = project / "chat" / "static" / "chat" / "part" / "size.js"
    module.parent.mkdir()
    module.write_text(RIGHT)
    importing = 'import { size } from "../../chat/static/chat/part/size.js";\n'
    importing += 'import assert from "node:assert";\nassert.equal(size("a"), 1);\n'
    (project / "tests" / "javascript" / "size.test.js").write_text(importing)
    for where in (".", "tests/javascript"):
        done = check(project, where)
        assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("size(7);", "Argument of type 'number' is not assignable"),
        ("document.body.dataset.me.length;", "possibly 'undefined'"),
        ("process.exit();", "Cannot find name 'process'"),
        ("export function open(address) {}", "implicitly has an 'any' type"),
    ],
)
def test_module_with_a_wrong_type_fails(project: Path, wrong: str, said: str) -> None:
    module = project / "chat" / "static" / "chat" / "size.js"
    module.write_text(f"{RIGHT}{wrong}\n")
    done = check(project)
    assert done.returncode != 0
    assert "size.js(6," in done.stdout
    assert said in done.stdout


def test_test_with_a_wrong_type_fails(project: Path) -> None:
    (project / "tests" / "javascript" / "a.test.js").write_text("Math.max('1');\n")
    assert "a.test.js(1," in check(project, "tests/javascript").stdout
