"""The README's table of settings says what ``chat.conf`` says."""

from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from msgspec import Meta

from chat import conf

README = Path(__file__).parents[2] / "README.md"


def table() -> str:
    """The table as it has to be; to renew it: ``python -m tests.docs.test_settings_table``."""
    rows = ["| key | default | takes | what for |", "|---|---|---|---|"]
    for name, field in conf.FIELDS.items():
        default = f'"{field.default}"' if isinstance(field.default, str) else field.default
        kind, meta = get_args(field.type)
        rows.append(f"| `{name}` | `{default}` | {taken(kind, meta)} | {meta.description} |")
    return "\n".join(rows)


def taken(kind: Any, meta: Meta) -> str:
    """Return the values that a setting may have, in a few words."""
    if get_origin(kind) is Literal:
        return ", ".join(f'`"{choice}"`' for choice in get_args(kind))
    if kind is str:
        most = f", at most {meta.max_length} characters" if meta.max_length else ""
        return f"text{most}"
    least = f"more than {meta.gt}" if meta.gt is not None else f"{meta.ge} or more"
    bounds = f"{meta.ge} to {meta.le}" if meta.ge is not None and meta.le is not None else least
    if meta.gt is not None and meta.le is not None:
        bounds = f"more than {meta.gt}, at most {meta.le}"
    return f"{'whole ' if kind is int else ''}number, {bounds}"


def split() -> tuple[str, str, str]:
    before, rest = README.read_text().split("<!-- settings -->\n")
    found, after = rest.split("<!-- /settings -->")
    return before, found, after


def test_the_readme_lists_every_setting_with_its_default() -> None:
    assert split()[1].strip() == table()


if __name__ == "__main__":
    before, _, after = split()
    README.write_text(f"{before}<!-- settings -->\n{table()}\n<!-- /settings -->{after}")
