"""docs/deployment.md lists what `manage.py check` may say."""

import re
from pathlib import Path

from chat import checks

DOCUMENT = Path(__file__).parents[2] / "docs" / "deployment.md"
ID = re.compile(r"chat\.[EW]\d{3}")


def test_the_table_of_checks_has_every_one_and_no_other() -> None:
    listed = re.findall(r"^\| (`chat\.[^|]+)\|", DOCUMENT.read_text(), re.MULTILINE)
    source = Path(checks.__file__).read_text()
    assert sorted(ID.findall(" ".join(listed))) == sorted(set(ID.findall(source)))
