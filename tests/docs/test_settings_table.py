"""The README's table of settings says what ``chat.conf`` says."""

from pathlib import Path

from chat import conf

README = Path(__file__).parents[2] / "README.md"


def table() -> str:
    """The table as it has to be; to renew it: ``python -m tests.docs.test_settings_table``."""
    rows = ["| key | default | what for |", "|---|---|---|"]
    for name, field in conf.FIELDS.items():
        default = f'"{field.default}"' if isinstance(field.default, str) else field.default
        rows.append(f"| `{name}` | `{default}` | {field.type.__metadata__[0].description} |")
    return "\n".join(rows)


def split() -> tuple[str, str, str]:
    before, rest = README.read_text().split("<!-- settings -->\n")
    found, after = rest.split("<!-- /settings -->")
    return before, found, after


def test_the_readme_lists_every_setting_with_its_default() -> None:
    assert split()[1].strip() == table()


if __name__ == "__main__":
    before, _, after = split()
    README.write_text(f"{before}<!-- settings -->\n{table()}\n<!-- /settings -->{after}")
