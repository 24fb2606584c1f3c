import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.programs import ROOT

PIN = re.compile(r"(?P<name>[A-Za-z0-9._-]+)==(?P<version>[0-9][\w.]*)")


# No extras, so that `pip install -c requirements.txt` can take the files for constraints as well.
def pins(name: str) -> dict[str, str]:
    """Return the versions that a requirements file names, without those it includes."""
    lines = (ROOT / name).read_text().splitlines()
    found: dict[str, str] = {}
    for line in lines:
        if line and not line.startswith(("#", "-r ")):
            match = PIN.fullmatch(line)
            assert match, f"{name} has a line that is no exact pin: {line}"
            found[canonicalize_name(match["name"])] = match["version"]
    return found


def test_second_environment_differs_in_nothing_but_django() -> None:
    first = pins("requirements.txt") | pins("requirements-dev.txt")
    second = pins("requirements-django6.txt")
    differing = {name for name in second if second[name] != first[name]}
    assert differing == {"django"}
    assert set(pins("requirements.txt")) <= set(second)


def test_the_benchmarks_add_to_the_pins_and_change_none() -> None:
    shared = pins("requirements.txt") | pins("requirements-dev.txt")
    assert not set(pins("benchmarks/requirements.txt")) & set(shared)


def test_pinned_versions_are_ones_that_the_package_allows() -> None:
    project = tomllib.loads(Path(ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"].values()
    for pinned in (pins("requirements.txt"), pins("requirements-django6.txt")):
        for line in [*project["dependencies"], *(line for extra in extras for line in extra)]:
            requirement = Requirement(line)
            version = pinned[canonicalize_name(requirement.name)]
            assert requirement.specifier.contains(version), line


def test_installed_app_needs_three_packages() -> None:
    project = tomllib.loads(Path(ROOT / "pyproject.toml").read_text())["project"]
    assert [Requirement(line).name for line in project["dependencies"]] == [
        "django",
        "channels",
        "msgspec",
    ]


@pytest.mark.parametrize(
    "name", ["requirements.txt", "requirements-dev.txt", "benchmarks/requirements.txt"]
)
def test_every_pin_is_named_once(name: str) -> None:
    lines = [line for line in (ROOT / name).read_text().splitlines() if "==" in line]
    assert len(lines) == len(pins(name))


def test_hooks_before_a_commit_have_the_versions_of_make_lint() -> None:
    hooks = PIN.finditer((ROOT / ".pre-commit-config.yaml").read_text())
    hooked = {canonicalize_name(match["name"]): match["version"] for match in hooks}
    pinned = pins("requirements-dev.txt")
    assert {"ruff", "import-linter", "django-upgrade", "djade"} == set(hooked)
    assert hooked.items() <= pinned.items()


def test_every_check_of_make_lint_is_a_hook_too() -> None:
    checks = re.findall(r'(?m)^check "(.+?)"', (ROOT / "scripts" / "lint.sh").read_text())
    hooks = re.findall(r"(?m)^ +name: (.+)$", (ROOT / ".pre-commit-config.yaml").read_text())
    assert len(checks) > 5
    assert set(checks) == set(hooks)
