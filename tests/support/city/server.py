"""`python -m tests.support.city.server TRUCKS ROOMS HZ`: the web of a made city in a process of its own.

Prints its port; serves until its input ends.
"""

import sys
import tempfile
import threading
import time
from pathlib import Path

from broker.config import BrokerConfig
from broker.store.opening import open_store
from broker.web.desk import Desk
from broker.web.server import WebServer
from tests.support.city.pictures import City


def main(trucks: int, rooms: int, hz: float) -> None:
    """Show a new picture so many times a second."""
    over = threading.Event()

    def wait() -> None:
        sys.stdin.read()
        over.set()

    threading.Thread(target=wait, daemon=True).start()
    with tempfile.TemporaryDirectory(prefix="zhanpai-screen-") as name:
        folder = Path(name)
        config = BrokerConfig.model_validate(
            {"area": {"plan": "demo"}, "web": {"port": 0}, "registers": {"folder": folder / "registers"},
             "playback": {"days": 0}, "people": {"folder": folder / "people"}}
        )  # fmt: skip
        city = City(trucks, rooms)
        store = open_store(folder / "records", area="xh", timezone="Asia/Shanghai", now=time.time)
        desk = Desk()
        desk.show(city.picture(0))
        server = WebServer(config, desk, store, city.plan)
        server.start()
        print(server.port, flush=True)
        began = time.monotonic()
        while not over.wait(1 / hz):
            desk.show(city.picture(time.monotonic() - began))
        server.stop()
        store.close()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]))
