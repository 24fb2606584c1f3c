"""What import-linter cannot say; its contracts are in pyproject.toml."""

import ast
from pathlib import Path

from tests.programs import ROOT


def imported(path: Path) -> set[str]:
    """Return what a file imports, as in ``channels.layers.get_channel_layer``."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def test_only_the_bus_touches_the_channel_layer() -> None:
    touching = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "chat").rglob("*.py")
        if any(name.startswith("channels.layers") for name in imported(path))
    }
    assert touching <= {"chat/hub/bus.py"}
