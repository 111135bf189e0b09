"""Deeds that are sent again, because a network lost the answer: done once, also over a restart."""

import errno
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from broker.bridge import RETRY_S
from broker.durable_file import Disk
from broker.store import StoreError
from broker.web.api.app import build_app
from broker.web.api.figures.record import record_router
from broker.web.door import repeats
from broker.web.door.repeats import KEPT_S, LONGEST_ANSWER, Repeats
from broker.web.problems import Refusal
from tests.support.bridge.direct_desk import DirectDesk
from tests.support.bridge.morning import Morning
from tests.support.people import House

WEIGHING = {"truck": "t01", "waste": "residential_wet", "grams": 1000}
DONE = 200, "application/json", b"{}"


class Street:
    """A bridge whose people and records outlive its web."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.morning = folder, Morning(folder / "records")

    def web(self, name: str = "scale", *, person: bool = False) -> TestClient:
        """The web as after a start, asked by a machine, or by a person of that name."""
        desk = DirectDesk()
        desk.morning = self.morning
        desk.picture = {"incidents": [], "at": 1}
        house = House(self.folder / "people")
        record = record_router(self.morning.store, self.morning.plan)
        app = build_app(desk, self.morning.store, [record], house.gate)
        if person:
            house.account(name, "dispatcher")
            return house.person(app, name)
        return house.machine(app, name=name)

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
    """Another key, and none, are other deeds."""
    client = street.web()
    first, second = weigh(client, "a"), weigh(client, "a")
    assert (first.status_code, first.json()) == (second.status_code, second.json()) == (200, first.json())
    assert "Idempotency-Replayed" not in first.headers and second.headers["Idempotency-Replayed"] == "true"
    assert street.weighed() == 1
    weigh(client, "b"), weigh(client, None), weigh(client, None)
    assert street.weighed() == 4


def test_a_key_is_of_one_visitor_alone(street: Street) -> None:
    """Neither of another machine, nor of a person who is called as the machine is."""
    for name, person in (("scale", False), ("gate", False), ("scale", True)):
        assert "Idempotency-Replayed" not in weigh(street.web(name, person=person), "a").headers
    assert street.weighed() == 3


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


def test_what_is_decided_and_not_stored_yet_is_not_done_again(
    street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is stored once when there is room; until somebody looked nobody knows."""
    client, (day, store) = street.web(), (street.morning.bridge, street.morning.store)

    def full(*_: Any, **__: Any) -> None:
        raise StoreError("no room")

    with monkeypatch.context() as patch:
        patch.setattr(store, "append", full)
        assert [weigh(client, "a").status_code for _ in range(3)] == [507, 409, 409]
        assert day.trouble is not None
    street.morning.now += RETRY_S
    again = weigh(client, "a")
    assert (again.status_code, again.headers["Idempotency-Unknown"]) == (409, "true") and street.weighed() == 1


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


def test_a_line_after_half_a_line_is_known_after_the_next_restart(tmp_path: Path) -> None:
    """The half one swallows nothing."""
    repeats = Repeats(tmp_path)
    repeats.begin("li", "a", "POST", "/x", b"")
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes() + b'{"who": "li", "ke')
    repeats = Repeats(tmp_path)
    repeats.begin("li", "b", "POST", "/x", b"")
    repeats.end("li", "b", DONE)
    assert Repeats(tmp_path).begin("li", "b", "POST", "/x", b"") == DONE


BEGUN = {"who": "li", "key": "b", "state": "begun", "at": 1, "print": "x"}
SPOILED = (
    b"5", b"null", b"[]", b"[" * 100_000, b"\xff\x00", b"{}",
    *(json.dumps(BEGUN | spoiled).encode() for spoiled in (
        {"who": []}, {"key": None}, {"state": "gone"}, {"at": "soon"}, {"print": 1}, {"state": "done", "body": "a"},
        {"state": "done", "status": 0},
    )),
)  # fmt: skip


@pytest.mark.parametrize("line", SPOILED)
def test_a_spoiled_line_says_nothing_and_stops_nothing(tmp_path: Path, line: bytes) -> None:
    """The bridge starts, and what stands around it is known."""
    repeats = Repeats(tmp_path)
    repeats.begin("li", "a", "POST", "/x", b"")
    (path,) = tmp_path.iterdir()
    path.write_bytes(line + b"\n" + path.read_bytes())
    known = Repeats(tmp_path)
    with pytest.raises(Refusal, match="nobody knows"):
        known.begin("li", "a", "POST", "/x", b"")
    assert known.begin("li", "b", "POST", "/x", b"") is None


def test_a_file_that_cannot_be_read_stops_no_start(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The lamps need the bridge; it is said."""
    Repeats(tmp_path).begin("li", "a", "POST", "/x", b"")
    (path,) = tmp_path.iterdir()
    path.unlink()
    path.mkdir()
    Repeats(tmp_path)
    assert "cannot be read" in caplog.text


def test_on_a_disk_that_fills_in_the_middle_it_is_known_until_the_next_start(tmp_path: Path) -> None:
    """The deed is done and answered; the disk alone would not know."""
    full = FullAfter(1)
    repeats = Repeats(tmp_path, disk=full)
    repeats.begin("li", "a", "POST", "/x", b"")
    repeats.end("li", "a", DONE)
    assert repeats.begin("li", "a", "POST", "/x", b"") == DONE
    with pytest.raises(OSError):
        repeats.begin("li", "b", "POST", "/x", b"")
    with pytest.raises(Refusal, match="nobody knows"):
        Repeats(tmp_path).begin("li", "a", "POST", "/x", b"")


class FullAfter(Disk):
    """A disk that takes so many more lines."""

    def __init__(self, lines: int) -> None:
        self._left = lines

    def write(self, descriptor: int, content: bytes) -> int:
        """ENOSPC when they are written."""
        self._left -= 1
        if self._left < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(descriptor, content)


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


def test_nobody_pushes_anothers_keys_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever sends very many deeds loses their own oldest ones, over a restart too; of all, who has most loses."""
    monkeypatch.setattr(repeats, "MOST_OF_ONE", 5)
    monkeypatch.setattr(repeats, "MOST", 8)
    kept = Repeats(tmp_path)

    def deed(store: Repeats, who: str, key: str) -> bool:
        """Whether it was done before."""
        before = store.begin(who, key, "POST", "/x", b"")
        if before is None:
            store.end(who, key, DONE)
        return before is not None

    quiet = [deed(kept, "account/quiet", f"q{n}") for n in range(3)]
    busy = [deed(kept, "account/busy", f"b{n}") for n in range(50)]
    third = [deed(kept, "account/third", f"t{n}") for n in range(2)]
    assert not any(quiet + busy + third)
    for store in (kept, Repeats(tmp_path)):
        assert [deed(store, "account/quiet", f"q{n}") for n in range(3)] == [True] * 3
        assert deed(store, "account/busy", "b49") and deed(store, "account/third", "t1")
    assert not deed(kept, "account/busy", "b44")
