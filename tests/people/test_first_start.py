"""A bridge that nobody has an account at: the link for the first one is for whoever sits before it."""

import gc
import io
import logging
import threading
from pathlib import Path
from unittest.mock import patch

import pytest

from broker.config import BrokerConfig
from broker.people.people import People
from broker.process import serve

pytestmark = pytest.mark.real  # tenths of a second each


class Terminal(io.StringIO):
    """What a person looks at, or a file that others read."""

    def __init__(self, person: bool) -> None:
        super().__init__()
        self._person = person

    def isatty(self) -> bool:
        """Whether a person looks at it."""
        return self._person


@pytest.mark.parametrize(("person", "account", "printed"), [(True, False, 1), (False, False, 0), (True, True, 0)])
def test_the_first_link_is_printed_to_a_person_alone(
    person: bool, account: bool, printed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    """On a terminal, while there is no account; no log ever has it, but says by which command it is had."""
    folders = {part: {"folder": tmp_path / part} for part in ("people", "registers", "playback")}
    given = {"area": {"plan": "demo"}, "web": {"port": 0}, "mqtt": {"port": 1}, "store": {"url": str(tmp_path / "r")}}
    people = People(tmp_path / "people")
    if account:
        people.add("wang", "Wang", ("viewer",))
    shown, stop = Terminal(person), threading.Event()
    monkeypatch.setattr("sys.stdout", shown)
    # What this bridge means to keep for ever is not needed after it.
    with caplog.at_level(logging.DEBUG), patch.object(gc, "freeze"):
        serve(BrokerConfig.model_validate({**given, **folders}), stop=stop, ready=lambda _: stop.set())
    _, _, key = shown.getvalue().partition("/welcome#")
    assert shown.getvalue().count("/welcome#") == printed and ":0/" not in shown.getvalue()
    assert not printed or people.linked(key.strip()).account is None
    assert "/welcome#" not in caplog.text and ("people link" in caplog.text) is not account
