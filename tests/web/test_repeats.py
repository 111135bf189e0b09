"""Deeds that are sent again, because a network lost the answer: done once, also over a restart."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from broker.web.api.app import build_app
from broker.web.api.record import record_router
from broker.web.problems import Refusal
from broker.web.repeats import KEPT_S, LONGEST_ANSWER, Repeats
from tests.support.bridge.direct_desk import DirectDesk
from tests.support.bridge.morning import Morning
from tests.support.people import House

WEIGHING = {"truck": "t01", "waste": "residential_wet", "grams": 1000}
DONE = 200, "application/json", b"{}"


class Street:
    """A bridge whose people and records outlive its web."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.morning = folder, Morning(folder / "records")

    def web(self) -> TestClient:
        """The web as after a start, asked by a machine."""
        desk = DirectDesk()
        desk.morning = self.morning
        desk.picture = {"incidents": [], "at": 1}
        house = House(self.folder / "people")
        record = record_router(self.morning.store, self.morning.plan)
        return house.machine(build_app(desk, self.morning.store, [record], house.gate))

    def weighed(self) -> int:
        """How many weigh-ins are on record."""
        self.morning.bridge.flush(self.morning.now)
        return sum(1 for _ in self.morning.store.scan("weighing"))


@pytest.fixture
def street(tmp_path: Path) -> Iterator[Street]:
    """A morning."""
    made = Street(tmp_path)
    yield made
    made.morning.close()


def weigh(client: TestClient, key: str | None, **more: Any) -> Any:
    """The answer to a weigh-in with this key."""
    headers = {"Idempotency-Key": key} if key else {}
    return client.post("/api/v1/weighings", json=WEIGHING | more, headers=headers)


def test_a_deed_with_the_same_key_is_done_once_and_answered_alike(street: Street) -> None:
    """Another key, and none, are other deeds; the same key of somebody else is theirs."""
    client = street.web()
    first, second = weigh(client, "a"), weigh(client, "a")
    assert (first.status_code, first.json()) == (second.status_code, second.json()) == (200, first.json())
    assert "Idempotency-Replayed" not in first.headers and second.headers["Idempotency-Replayed"] == "true"
    assert street.weighed() == 1
    weigh(client, "b"), weigh(client, None), weigh(client, None)
    assert street.weighed() == 4


def test_it_is_known_after_a_restart(street: Street) -> None:
    """The answer too."""
    first = weigh(street.web(), "a")
    again = weigh(street.web(), "a")
    assert again.json() == first.json() and again.headers["Idempotency-Replayed"] == "true"
    assert street.weighed() == 1


def test_a_key_names_one_request(street: Street) -> None:
    """With another body it is a mistake of whoever sends it, and nothing is done."""
    client = street.web()
    weigh(client, "a")
    assert weigh(client, "a", grams=2000).status_code == 422
    assert street.weighed() == 1


@pytest.mark.parametrize("key", ["x" * 101, "a b", "\u00e9", "a\tb"])
def test_what_is_no_key_is_refused(street: Street, key: str) -> None:
    """It must be kept and compared."""
    answer = street.web().post("/api/v1/weighings", json=WEIGHING, headers={"Idempotency-Key": key.encode()})
    assert answer.status_code == 400 and street.weighed() == 0


def test_what_was_refused_may_be_tried_again(street: Street) -> None:
    """It changed nothing."""
    client = street.web()
    assert weigh(client, "a", waste="gold").status_code == 422
    assert weigh(client, "a").status_code == 200
    assert client.post("/api/v1/incidents/x/acknowledge", json={}, headers={"Idempotency-Key": "c"}).status_code == 404
    assert street.weighed() == 1


def test_what_was_cut_off_is_not_done_again_by_itself(tmp_path: Path) -> None:
    """The power went between the deed and its answer: it is said, after the restart too; half a line says nothing."""
    repeats = Repeats(tmp_path)
    assert repeats.begin("li", "a", "POST", "/x", b"") is None
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes() + b'{"who": "li", "ke')
    for known in (Repeats(tmp_path), Repeats(tmp_path)):
        with pytest.raises(Refusal, match="nobody knows"):
            known.begin("li", "a", "POST", "/x", b"")
    repeats.end("li", "a", (504, "", b""))
    with pytest.raises(Refusal, match="nobody knows"):
        repeats.begin("li", "a", "POST", "/x", b"")


def test_two_at_once_are_one_deed(tmp_path: Path) -> None:
    """Whoever comes second is asked to wait for the first."""
    repeats, begun, refused = Repeats(tmp_path), [], []

    def sent() -> None:
        try:
            begun.append(repeats.begin("li", "a", "POST", "/x", b""))
        except Refusal as why:
            refused.append(why.status)

    threads = [threading.Thread(target=sent) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (begun, refused) == ([None], [409] * 7)


def test_a_day_later_it_is_forgotten(tmp_path: Path) -> None:
    """Its file too."""
    at = 1_800_000_000.0
    repeats = Repeats(tmp_path, lambda: at)
    repeats.begin("li", "a", "POST", "/x", b"")
    repeats.end("li", "a", DONE)
    assert repeats.begin("li", "a", "POST", "/x", b"") == DONE
    at += KEPT_S
    assert repeats.begin("li", "a", "POST", "/x", b"") is None
    at += 3 * KEPT_S
    Repeats(tmp_path, lambda: at)
    assert list(tmp_path.iterdir()) == []


def test_no_name_of_a_register_is_kept_beside_it(tmp_path: Path) -> None:
    """What is removed there is removed."""
    repeats = Repeats(tmp_path)
    repeats.begin("li", "a", "PATCH", "/x", b"")
    repeats.end("li", "a", (200, "application/json", b"a name"), whole=False)
    first = Repeats(tmp_path).begin("li", "a", "PATCH", "/x", b"")
    assert first is not None and first[0] == 200 and b"a name" not in first[2]


def test_a_long_answer_is_not_kept_whole(tmp_path: Path) -> None:
    """A register of a megabyte for each of its changes would fill the disk."""
    repeats = Repeats(tmp_path)
    repeats.begin("li", "a", "PATCH", "/x", b"")
    repeats.end("li", "a", (200, "application/json", b"x" * (LONGEST_ANSWER + 1)))
    first = Repeats(tmp_path).begin("li", "a", "PATCH", "/x", b"")
    assert first is not None and first[0] == 200 and b"done" in first[2]
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 1000
