"""A bridge with a city: what it says of itself there, and that it works on when the city is away."""

import json
import queue
import threading
import urllib.request
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from broker.city.database import CityDatabase
from broker.city.said import opened, said
from broker.process import serve
from tests.support.city.cells import city_records
from tests.support.processes import wait_until
from tests.support.settings.day import configured

pytestmark = pytest.mark.real


@contextmanager
def running(folder: Path, database: str):
    """A bridge of the demo area without a broker; gives the address of its screen."""
    stop, ports = threading.Event(), queue.SimpleQueue[int]()
    config = configured(folder, f'[mqtt]\nport = 1\n[web]\nport = 0\n[city]\nurl = "{database}"\npush_s = 1\n')
    thread = threading.Thread(target=serve, args=(config,), kwargs={"stop": stop, "ready": ports.put})
    thread.start()
    try:
        yield f"http://127.0.0.1:{ports.get(timeout=60)}"
    finally:
        stop.set()
        thread.join(30)


def health_of(screen: str) -> dict:
    """What /healthz says."""
    try:
        with urllib.request.urlopen(f"{screen}/healthz", timeout=10) as got:
            return json.loads(got.read())
    except urllib.error.HTTPError as refused:
        return json.loads(refused.read())


def weighs(screen: str, folder: Path, grams: int) -> None:
    """A load of the truck t01, told by a command of this machine."""
    token = (folder / "data" / "people" / "shell.token").read_text().strip()
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}", "Zhanpai-Who": "Wang"}
    body = json.dumps({"truck": "t01", "waste": "residential_wet", "grams": grams}).encode()
    urllib.request.urlopen(urllib.request.Request(f"{screen}/api/v1/weighings", body, headers), timeout=10).close()


def test_a_bridge_says_how_it_stands_and_works_on_without_its_city(server, database, tmp_path):
    """Its beat has what its screen shows; a city that stops is missed in /healthz, comes back, and hears of it."""
    with running(tmp_path, database) as screen, closing(CityDatabase(database, None, lambda: 0)) as city:
        (cell,) = wait_until(lambda: city.cells(), "it is heard of")
        beat = cell.beat
        assert (cell.area, beat["screen"], beat["link"]["up"]) == ("xh", f"{screen}/", False)
        assert said(cell) and opened(cell)[1], "the city can read it"
        assert beat["progress"]["rooms"] > 0 and beat["plan"]["state"] and beat["version"]
        assert 0 <= cell.now - cell.heard_at < 30
        server.stop()
        wait_until(lambda: health_of(screen)["city"]["away_since_at"], "it is missed")
        weighs(screen, tmp_path, 123_456)
        with urllib.request.urlopen(f"{screen}/metrics", timeout=10) as got:
            assert b"zhanpai_city_connected 0.0" in got.read()
        server.start()
        assert wait_until(lambda: _heard(city, cell.heard_at), "it is heard again")
        wait_until(lambda: 123_456 in _weighed(database), "what it stored while the city was away is there")


def _weighed(database: str) -> list[int]:
    with closing(city_records(database)) as records:
        return [one.body["grams"] for kind in records.kinds() for one in records.scan(kind) if "grams" in one.body]


def _heard(city: CityDatabase, before: int) -> bool:
    try:
        return city.cells()[0].heard_at > before
    except OSError:
        return False
