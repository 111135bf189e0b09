"""The technician's page: each device with what is wrong first, its last messages, and what it answers to a command."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from broker.ingest.delivery.acks import AreaAcks
from broker.ingest.last_words import KEPT, LONGEST, MOST_BYTES, LastWords, Word
from broker.web.view.devices import DOUBT, LOST, NEVER, SEVERE, WELL, Beside, clock_s, devices
from tests.support.bridge.whole_web import WholeWeb

pytestmark = pytest.mark.real  # tenths of a second each


@pytest.fixture
def web(tmp_path: Path) -> Iterator[WholeWeb]:
    """A truck that pressed, a stranger, and a unit that says it is there."""
    made = WholeWeb(tmp_path)
    made.morning.say("life", {"life": "ready", "fw": "1.2.0"}, device="r01")
    show(made)
    yield made
    made.morning.close()


def show(web: WholeWeb) -> None:
    """The picture of now."""
    from broker.web.view.picture import snapshot

    web.morning.step(1)
    web.desk.show(snapshot(web.morning.bridge, web.morning.now))


def technician(web: WholeWeb) -> TestClient:
    """Whoever looks after the devices."""
    return web.house.machine(web.app, "technician")


def row_of(web: WholeWeb, device: str) -> dict[str, Any]:
    """A device in the list."""
    rows = technician(web).get("/api/v1/devices").json()["rows"]
    return next(row for row in rows if row["device"] == device)


def picture(**room: Any) -> dict[str, Any]:
    """One truck that is well and one room."""
    truck = {"truck": "t01", "life": "ready", "fw": "1", "boot": 1, "heard_at": 9, "answer": None}
    unit = {**truck, "room": "r01", "name": "A / B", "wastes": ["residential_wet"], **room}
    return {"trucks": [truck], "rooms": [unit], "attention": []}


def test_what_is_wrong_comes_first() -> None:
    """A closed account, a lost unit, what is doubtful, what is well, what was never heard."""
    ranks = {}
    for name, room, found, closed in (
        ("closed", {}, Beside(), [{"family": "room", "device": "r01", "limit": "presses", "opens_in_s": 60}]),
        ("lost", {"life": "lost"}, Beside(), []), ("gap", {}, Beside(gaps={("room", "r01"): 2}), []),
        ("refused", {}, Beside(refused={"room/r01": 3}), []), ("well", {}, Beside(), []),
        ("never", {"heard_at": None, "life": "disconnected"}, Beside(), []),
    ):  # fmt: skip
        rows = devices(picture(**room), found, closed, {"r01": {"residential_wet": 5}})
        assert rows == sorted(rows, key=lambda row: -row["rank"])
        ranks[name] = next(row["rank"] for row in rows if row["device"] == "r01")
        assert next(row for row in rows if row["device"] == "r01")["calibrated"] == {"residential_wet": 5}
    wanted = {"closed": SEVERE, "lost": LOST, "gap": DOUBT, "refused": DOUBT, "well": WELL, "never": NEVER}
    assert ranks == wanted


def test_a_clock_is_held_against_the_moment_at_which_it_spoke() -> None:
    """What was kept for later says nothing of it, and neither does what cannot be read."""
    def word(payload: bytes, at: float = 1000.4) -> Word:
        return Word(at, "fix", False, payload)

    assert clock_s(word(b'{"sent_at":1010,"late":false}')) == 10
    assert clock_s(word(b'{"at":998}')) == -2
    nothing = (b'{"sent_at":900,"late":true}', b"\xff", b"[1]", b'{"at":null}')
    assert {clock_s(word(one)) for one in nothing} == {clock_s(None)} == {None}


def test_the_last_messages_are_few_short_and_each_devices_own() -> None:
    """The oldest goes; a long one is cut; what is no text is shown escaped."""
    words = LastWords()
    for number in range(KEPT + 5):
        words.note(("room", "r01"), Word(number, "bins", False, b"%d" % number))
    words.note(("room", "r01"), Word(99, "command", True, b"x" * 65_000))
    kept = words.of(("room", "r01"))
    assert len(kept[-1].payload) == MOST_BYTES  # whoever sends much fills no memory
    assert len(kept) == KEPT + 1 and kept[0].text == "5" and len(kept[-1].text) == LONGEST + 1
    assert words.newest_of_all()["room", "r01"].text == str(KEPT + 4)
    assert Word(0, "fix", False, b"\xff").text == "\\xff" and words.of(("truck", "t01")) == []


def test_gaps_are_what_is_missing_between_what_came() -> None:
    """The newest first; what lies before the first number is none."""
    acks, device = AreaAcks("xh"), ("truck", "t01")
    for boot, seq in ((1, 5), (1, 6), (1, 9), (2, 1), (2, 4)):
        acks.add(device, boot, seq, at_once=False)
    assert acks.gaps(device) == [(2, 2, 3), (1, 7, 8)] and acks.gap_counts() == {device: 2}
    acks.add(device, 2, 2, at_once=False)
    acks.add(device, 2, 3, at_once=False)
    assert acks.gaps(device) == [(1, 7, 8)] and acks.gaps(("room", "r01")) == []


def test_a_refused_message_a_command_and_its_answer_are_seen_live(web: WholeWeb) -> None:
    """With why it was refused; the command as it went out; the answer once the device's life has it."""
    client, morning = technician(web), web.morning
    morning.bridge.receive("zp/v1/xh/room/r01/bins", b'{"boot":"x"}', morning.now)
    mass = {"command": "calibrate", "waste": "residential_wet", "grams": 9}
    told = client.post("/api/v1/rooms/r01/command", json=mass)
    assert told.status_code == 200
    one = client.get("/api/v1/devices/room/r01").json()
    refused = next(message for message in one["messages"] if message["refused"])
    sent = next(message for message in one["messages"] if message["channel"] == "command")
    assert refused["text"] == '{"boot":"x"}' and sent["ours"] and '"calibrate"' in sent["text"]
    number = sent["text"].partition('"id":"')[2].partition('"')[0]
    answer = {"answers": number, "done": True, "said": "put another on"}
    morning.say("life", {"life": "ready", "fw": "1.2.0", **answer}, device="r01")
    show(web)
    row = row_of(web, "r01")
    assert row["answer"] == {"id": number, "done": True, "said": "put another on"}
    assert (row["refused"], row["fw"], row["rank"]) == (1, "1.2.0", DOUBT)
    assert list(row["calibrated"]) == ["residential_wet"]


def test_findings_stand_with_the_device_they_are_about(web: WholeWeb) -> None:
    """A stranger is listed with what is to be done about it; who may not command sees no device."""
    stranger = row_of(web, "t77")
    assert [one["word"] for one in stranger["findings"]] == ["stranger"] and stranger["findings"][0]["values"]
    assert technician(web).get("/api/v1/devices/room/nowhere").status_code == 404
    assert web.house.machine(web.app, "viewer").get("/api/v1/devices").status_code == 403
    found = technician(web).get("/api/v1/devices?find=T77").json()
    assert [row["device"] for row in found["rows"]] == ["t77"] and found["left_out"] == 0
    assert sum(found["ranks"].values()) > 20
    for path in ("/devices", "/devices/room/r01"):
        assert technician(web).get(path).status_code == 200


def test_the_list_reads_one_record_of_each_cell_and_no_year_of_deeds(web: WholeWeb, monkeypatch: Any) -> None:
    """When a cell was calibrated last is a record of its own; what everybody did since is not read for it."""
    client, store = technician(web), web.morning.store
    for _ in range(2):
        body = {"command": "calibrate", "waste": "residential_wet", "grams": 9}
        web.morning.now += 60
        show(web)
        assert client.post("/api/v1/rooms/r01/command", json=body).status_code == 200
    monkeypatch.setattr(store, "search", None)
    assert row_of(web, "r01")["calibrated"] == {"residential_wet": int(web.morning.now)}
    assert [record.key for record in store.latest("calibration").values()] == ["r01/residential_wet"]
