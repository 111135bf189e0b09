"""The outbox's partition is full, read-only or not there, at the start or later: the truck works from memory."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from firmware.truck.agent import Agent
from firmware.truck.device import TruckDevice
from firmware.truck.events import ButtonDown, ButtonUp, FixSeen, LinkUp, Wake
from firmware.truck.gps.fix import Fix
from firmware.truck.outbox.outbox import TRY_AGAIN_S, Outbox

T0 = 1795374000
REPO = Path(__file__).parents[3]

# What each run plays in a mount namespace of its own: `state` is a small partition.
PRELUDE = """
import json, os, subprocess, sys
from pathlib import Path
from tests.truck.outbox.test_bad_disk import Truck
state = Path(sys.argv[1])
def mount(*options):
    subprocess.run(["mount", *options, str(state)], check=True)
def fill():
    with (state / "ballast").open("wb") as file:
        try:
            while True:
                os.write(file.fileno(), b"x" * 512)
        except OSError:
            pass
    for n in range(100000):  # and no file may be created either
        try:
            (state / f"n{n}").touch()
        except OSError:
            break
def empty():
    for path in [state / "ballast", *state.glob("n*")]:
        path.unlink()
mount("-t", "tmpfs", "-o", "size=512k,nr_inodes=64", "none")
if "used" in sys.argv[2:]:
    before = Truck(state / "outbox.db")
    before.press()
    before.outbox.close()
"""
SPOIL = {
    "full": ("fill()", "empty()"),
    "read-only": ('mount("-o", "remount,ro")', 'mount("-o", "remount,rw")'),
}
AT_START = """
{spoil}
truck = Truck(state / "outbox.db")
truck.connect()
truck.drive(20)
truck.press()
said = {{"light": truck.light, "incidents": truck.sent("incident/"), "fixes": len(truck.sent("fix")),
        "boot": truck.outbox.boot, "faults": truck.sent("life")[-1].get("faults")}}
again = Truck(state / "outbox.db")
said["boots_differ"] = again.outbox.boot != truck.outbox.boot
again.outbox.close(flush=False)
{mend}
truck.wait(15)
said["mended"] = truck.sent("life")[-1].get("faults")
truck.outbox.close(flush=False)
after = Truck(state / "outbox.db")
said["kept"] = [report.item for report in after.outbox.incidents()]
said["positions"] = len(after.outbox.backlog(1000))
said["higher"] = after.outbox.boot > truck.outbox.boot
print(json.dumps(said))
"""
LATER = """
truck = Truck(state / "outbox.db")
truck.connect()
truck.drive(5)
truck.wait(6)
{spoil}
truck.drive(20)
truck.press()
said = {{"light": truck.light, "incidents": truck.sent("incident/"), "faults": truck.sent("life")[-1].get("faults")}}
truck.settle_all()
truck.sent_now.clear()
truck.wait(3)
said["again"] = [body["seq"] for topic, body in truck.sent_now if body.get("lat") is not None]
truck.press()
{mend}
truck.wait(25)
said["mended"] = truck.sent("life")[-1].get("faults")
truck.outbox.close(flush=False)
after = Truck(state / "outbox.db")
said["kept"] = [report.item for report in after.outbox.incidents()]
said["last"] = truck.sent("incident/")[-1]["incident_id"]
print(json.dumps(said))
"""


class Truck:
    """A truck's computer without its hardware: what it sends, what its light shows."""

    def __init__(self, path: Path) -> None:
        self.outbox = Outbox(path)
        self.device = TruckDevice(Agent("t01", "xh", self.outbox.boot), self.outbox)
        self.now_s, self.metres, self.light = 100.0, 0.0, ""
        self.all_sent: list[tuple[str, dict]] = []
        self.sent_now: list[tuple[str, dict]] = []
        self.take(self.device.start(self.now_s))

    def take(self, outputs) -> None:
        for output in outputs:
            if hasattr(output, "payload"):
                said = (output.topic, json.loads(output.payload))
                self.all_sent.append(said)
                self.sent_now.append(said)
            elif hasattr(output, "pattern"):
                self.light = output.pattern

    def do(self, event) -> None:
        self.take(self.device.handle(event, self.now_s))

    def wait(self, seconds: float) -> None:
        end_s = self.now_s + seconds
        while (due_s := self.device.wake_at_s) is not None and due_s <= end_s:
            self.now_s = max(self.now_s + 0.01, due_s)
            self.do(Wake())
        self.now_s = end_s

    def connect(self) -> None:
        self.do(LinkUp())
        clock = json.dumps({"at": int(T0 + self.now_s)}).encode()
        self.take(self.device.message("zp/v1/xh/bridge/clock", clock, self.now_s))

    def drive(self, seconds: int) -> None:
        for _ in range(seconds):
            self.wait(1.0)
            self.metres += 20.0
            self.do(FixSeen(Fix(31.2 + self.metres / 111_195, 121.4, T0 + self.now_s, 20.0, 0.0, 1.0, 8, 3, 1)))

    def press(self) -> None:
        self.do(ButtonDown())
        self.wait(2.0)
        self.do(ButtonUp())
        self.wait(12.0)

    def settle_all(self) -> None:
        acks = [{"boot": self.outbox.boot, "upto": self.newest, "also": []}]
        self.take(self.device.message("zp/v1/xh/truck/t01/ack", json.dumps({"acks": acks}).encode(), self.now_s))

    @property
    def newest(self) -> int:
        """The highest seq that was sent."""
        return max(body.get("seq", 0) for _, body in self.all_sent)

    def sent(self, channel: str) -> list[dict]:
        return [body for topic, body in self.all_sent if topic.startswith(f"zp/v1/xh/truck/t01/{channel}")]


def played(tmp_path: Path, code: str, *more: str) -> dict:
    """What the code says, run with a partition of its own that only it sees."""
    unshare = shutil.which("unshare")
    if unshare is None or subprocess.run([unshare, "-m", "true"], capture_output=True, timeout=10).returncode != 0:
        pytest.skip("no private mounts here (needs root and unshare): a bad partition is not tested")
    state = tmp_path / "state"
    state.mkdir()
    command = [unshare, "-m", sys.executable, "-B", "-c", PRELUDE + code, str(state), *more]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=REPO, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    said: dict = json.loads(done.stdout)
    return said


@pytest.mark.real
@pytest.mark.parametrize("used", [False, True], ids=["new", "used"])
@pytest.mark.parametrize("how", SPOIL)
def test_bad_from_the_start_and_good_again(tmp_path, how, used):
    """Press, light and positions go on, the screen is told, no two starts share a number, memory is written later."""
    spoil, mend = SPOIL[how]
    said = played(tmp_path, AT_START.format(spoil=spoil, mend=mend), *(["used"] if used else []))
    assert said["light"] == "fast"
    assert said["fixes"] >= 5
    own = [body["incident_id"] for body in said["incidents"] if body["boot"] == said["boot"]]
    assert len(set(own)) == 1
    assert said["faults"] == [{"part": "outbox"}]
    assert said["boots_differ"]
    if used:  # the press of the start before is read and sent, though nothing can be written
        assert {body["incident_id"] for body in said["incidents"] if body["boot"] != said["boot"]} == {"t01-1-1"}
    assert said["mended"] is None
    assert sorted(said["kept"]) == sorted({*own, *(["t01-1-1"] if used else [])})
    assert said["positions"] >= 5
    assert said["higher"]


@pytest.mark.real
def test_full_later_and_good_again(tmp_path):
    """A card that fills up under way: the same, and what the bridge has stored is not sent again and again."""
    spoil, mend = SPOIL["full"]
    said = played(tmp_path, LATER.format(spoil=spoil, mend=mend))
    assert said["light"] == "fast"
    assert len({body["incident_id"] for body in said["incidents"]}) == 1
    assert said["faults"] == [{"part": "outbox"}]
    assert said["again"] == []
    assert said["mended"] is None
    assert said["kept"] == [said["last"]]


def test_read_only_later_and_good_again(tmp_path, monkeypatch):
    """A card that the kernel made read-only: what is on it is still sent, once it is stored it is not sent again."""
    path = tmp_path / "o.db"
    truck = Truck(path)
    truck.connect()
    truck.drive(30)
    truck.outbox.flush()
    held = len(truck.outbox.backlog(100))
    with monkeypatch.context() as bad:
        truck.outbox._disk._db.execute("PRAGMA query_only = ON")  # SQLite refuses as such a disk does, here alone
        bad.setattr("firmware.truck.outbox.disk.opened", _read_only)
        truck.press()
        truck.drive(10)
        assert truck.light == "fast"
        assert truck.sent("life")[-1]["faults"] == [{"part": "outbox"}]
        assert len(truck.outbox.backlog(100)) > held > 3
        settled = truck.newest
        truck.settle_all()
        assert truck.outbox.backlog(100) == [] == truck.outbox.incidents()
        assert truck.outbox.newest_position() is None
        truck.sent_now.clear()
        for _ in range(5):
            truck.settle_all()  # each ack used to bring everything once more
        assert truck.sent_now == []
        truck.press()
        assert len(truck.outbox.incidents()) == 1
    truck.wait(TRY_AGAIN_S + 1)
    assert truck.outbox.fault is None
    truck.outbox.close(flush=False)
    assert [report.item for report in Outbox(path).incidents()] == [truck.sent("incident/")[-1]["incident_id"]]
    assert all(report.seq > settled for report in Outbox(path).backlog(100))


def _read_only(_path: Path) -> None:
    raise OSError(30, "Read-only file system")


def test_disk_that_opens_later_brings_what_it_held(tmp_path, monkeypatch):
    """Not to be opened at the start, then there: what a former start left is sent, what this one kept is written."""
    path = tmp_path / "o.db"
    former = Truck(path)
    former.press()
    former.outbox.close()

    with monkeypatch.context() as bad:
        bad.setattr("firmware.truck.outbox.disk.opened", _read_only)
        bad.setattr("firmware.truck.outbox.disk.opened_to_read", lambda _path: None)
        truck = Truck(path)
        truck.connect()
        truck.press()
        assert truck.outbox.fault is not None
        assert "Read-only file system" in truck.outbox.fault
        assert {body["boot"] for body in truck.sent("incident/")} == {truck.outbox.boot}
    truck.wait(TRY_AGAIN_S + 1)
    assert truck.outbox.fault is None
    assert {body["boot"] for body in truck.sent("incident/")} == {1, truck.outbox.boot}
    truck.outbox.close(flush=False)
    assert len(Outbox(path).incidents()) == 2
