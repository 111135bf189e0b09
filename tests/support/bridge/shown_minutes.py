"""What the screen shows in some minutes of a morning, picture by picture, as a browser has it."""

from pathlib import Path
from typing import Any

import orjson

from broker.web.view.picture import snapshot
from tests.support.bridge.morning import Morning


def shown_minutes(folder: Path) -> list[dict[str, Any]]:
    """The pictures of minutes with arrivals, a press that is seen, cleared and resolved, and some quiet seconds."""
    morning = Morning(folder / "records")
    pictures = []

    def look() -> None:
        pictures.append(orjson.loads(orjson.dumps(snapshot(morning.bridge, morning.now))))

    look()
    morning.serve(0)
    look()
    for _ in range(30):
        morning.step(10, 5.0)
        look()
    pressed = morning.press()
    for action in ("acknowledge", "clear", "resolve"):
        look()
        morning.act(action, pressed)
    for _ in range(20):
        morning.step(1, 4.0)
        look()
    morning.close()
    return pictures
