"""A database that is silent keeps nobody waiting behind the first who asks."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest

from broker.city import api, figures
from broker.city.api import Cells
from broker.city.database import CityDatabase
from broker.city.figures import CityFigures
from broker.store import Unavailable
from broker.store import session as session_module
from broker.store.session import Patience, Session

NOWHERE = "postgresql://nobody@127.0.0.1:1/x"


def silent() -> tuple[Cells, list[int], threading.Event, threading.Event]:
    """Cells whose database does not answer until it is let go, and then fails; how often it was asked."""
    asked: list[int] = []
    began, go = threading.Event(), threading.Event()
    city = CityDatabase(NOWHERE, None, int)

    def cells() -> list:
        asked.append(1)
        began.set()
        assert go.wait(30)
        raise Unavailable("away")

    city.cells = cells  # type: ignore[method-assign]
    return Cells(city), asked, began, go


@contextmanager
def meanwhile(work) -> Iterator[threading.Thread]:
    """Somebody else does this at the same time, whatever comes of it."""

    def run() -> None:
        with pytest.raises(Unavailable):
            work()

    thread = threading.Thread(target=run)
    thread.start()
    yield thread
    thread.join(30)


def test_who_asks_while_the_database_is_silent_is_answered(monkeypatch) -> None:
    """By a refusal, after a short wait; what failed is not tried again at once."""
    monkeypatch.setattr(api, "TURN_S", 0.01)
    cells, asked, began, go = silent()
    with meanwhile(cells.read):
        assert began.wait(30)
        with pytest.raises(Unavailable, match="does not answer"):
            cells.read()
        go.set()
    for _ in range(3):
        with pytest.raises(Unavailable, match="away"):
            cells.read()
    assert len(asked) == 1
    monkeypatch.setattr(api, "REST_S", 0.0)
    with pytest.raises(Unavailable, match="away"):
        cells.read()
    assert len(asked) == 2


def test_long_figures_stop_nobody_who_asks_for_a_day(monkeypatch) -> None:
    """Who asks for many days at once beside another is asked to come again; a day is counted meanwhile."""
    monkeypatch.setattr(figures, "TURN_S", {False: 30.0, True: 0.01})
    began, go = threading.Event(), threading.Event()
    counts = CityFigures(CityDatabase(NOWHERE, None, int), int)
    whole = figures.Counted({}, {})

    def one(_area: str, _timezone: str, from_day: str, to_day: str) -> figures.Counted:
        if from_day != to_day:
            began.set()
            assert go.wait(30)
            raise Unavailable("away")
        return whole

    # a count that takes long, without a database that does
    monkeypatch.setattr(counts, "_one", one)
    cells = [type("One", (), {"area": "aa", "timezone": "Asia/Shanghai"})()]
    with meanwhile(lambda: counts.of(cells, "2026-01-01", "2026-11-22")):
        assert began.wait(30)
        assert counts.of(cells, "2026-11-22", "2026-11-22") == whole
        with pytest.raises(Unavailable, match="ask again"):
            counts.of(cells, "2026-01-01", "2026-11-22")
        go.set()


def test_a_session_asks_a_server_that_is_away_once_and_gives_up_its_turn(monkeypatch) -> None:
    """A store of a cell, without such a patience, asks each time."""
    asked = []

    def connect(*_: object, **__: object) -> None:
        asked.append(time.monotonic())
        raise psycopg.OperationalError("away")

    monkeypatch.setattr(session_module.psycopg, "connect", connect)
    page, store = Session(NOWHERE, None, Patience(turn_s=0.01, rest_s=60)), Session(NOWHERE)
    for session, times in ((page, 1), (store, 3)):
        asked.clear()
        for _ in range(3):
            with pytest.raises(Unavailable, match="away"):
                session.run(lambda _: None)
        assert len(asked) == times
    # who holds the lock is no caller's business: a page that is asked for meanwhile is
    with page._lock, pytest.raises(Unavailable, match="busy"):
        page.run(lambda _: None)
