import shutil
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.programs import ROOT
from tests.tooling.shell import run

pytest.importorskip("hatchling", reason="the package is built with the first environment's tools")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the wheel and the source archive."""
    directory = tmp_path_factory.mktemp("package")
    source = directory / "source"
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", ".gitignore"):
        shutil.copy(ROOT / name, source)
    for name in ("chat", "project", "tests"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    done = run(sys.executable, "-m", "hatchling", "build", "-d", directory / "dist", cwd=source)
    assert done.returncode == 0, done.stderr
    return directory / "dist"


def test_wheel_holds_the_app_and_nothing_else(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert {name.split("/")[0] for name in names} == {"chat", "channels_chat-0.1.0.dist-info"}
    assert "chat/py.typed" in names
    for kind in ("migrations", "templates", "static", "locale"):
        if (ROOT / "chat" / kind).is_dir():
            assert any(name.startswith(f"chat/{kind}/") for name in names), kind
    compiled = {str(path.relative_to(ROOT)) for path in ROOT.glob("chat/locale/*/*/*.mo")}
    assert len(compiled) > 1
    assert compiled <= set(names)
    assert not any("__pycache__" in name for name in names)


def test_source_archive_can_run_the_tests(built: Path) -> None:
    (archive,) = built.glob("*.tar.gz")
    with tarfile.open(archive) as source:
        tops = {name.split("/")[1] for name in source.getnames()}
    assert {"chat", "project", "tests", "pyproject.toml", "README.md", "LICENSE"} <= tops
    assert ".venv" not in tops
