"""The command line of people, and the files that it works on."""

from collections.abc import Callable
from pathlib import Path

import pytest

from broker.__main__ import main
from broker.people.people import People
from tests.support.people import QUICK

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Exit code, standard output and standard error of a call."""
    config = tmp_path / "broker.toml"
    config.write_text('[area]\nplan = "demo"\n[web]\nport = 8081\n')

    def called(*arguments: str) -> tuple[int, str, str]:
        code = main(["--config", str(config), "people", *arguments])
        said = capsys.readouterr()
        return code, said.out, said.err

    return called


@pytest.fixture
def people(tmp_path: Path) -> People:
    """The files that the commands work on."""
    return People(tmp_path / "data" / "people", passwords=QUICK)
