"""One version, in firmware/__init__.py: a board and a truck carry that file, the server and the simulator import it."""

import json
import re
import tomllib
from pathlib import Path

import broker
import firmware

REPO = Path(__file__).resolve().parents[2]


def test_what_cannot_read_the_version_says_the_same() -> None:
    """pyproject.toml, the boards' package and the newest release of the changelog."""
    assert broker.__version__ == firmware.__version__
    tables = tomllib.loads((REPO / "pyproject.toml").read_text())
    assert "version" not in tables["project"]
    assert tables["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "firmware.__version__"}
    assert json.loads((REPO / "firmware/binroom/package.json").read_text())["version"] == firmware.__version__
    releases = re.findall(r"^## \[(\d[^\]]*)\] - \d{4}-\d{2}-\d{2}$", (REPO / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert releases[0] == firmware.__version__


def test_no_other_file_names_a_version_of_its_own() -> None:
    """A second constant would be forgotten at the next release."""
    named = re.compile(r'^(?:__version__|FW|FIRMWARE) = "\d+\.\d', re.MULTILINE)
    files = [path for part in ("broker", "firmware", "sim", "tools") for path in (REPO / part).rglob("*.py")]
    assert [path for path in files if named.search(path.read_text(encoding="utf-8"))] == [REPO / "firmware/__init__.py"]
