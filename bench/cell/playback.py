"""How long it takes to look back at a second of a stored day of 30 trucks, and to fetch what is played at each speed.

Some minutes of demo areas on one plan are made as `bench stream` makes them and kept by the product's own recording;
their file stands for each five minutes of a day, with its own seconds.
"""

import gzip
import random
import re
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench import goals
from bench.cell.stream import pictures, wide_plan
from broker.store.opening import open_store
from broker.web.desk import Desk
from broker.web.stream.frames import Frames
from broker.web.stream.recording import KEYFRAME_S, Recording
from tests.support.people import screen_of

COPIES, ROOMS, SEEKS = 6, 300, 20
DAY_AT = 1_795_392_000  # midnight, UTC
SPEEDS = ((1, 120, 1), (10, 600, 1), (60, 1800, 5), (600, 3600, 20))  # speed, seconds asked for at once, step


def stored_day(folder: Path, shown: list[dict[str, Any]]) -> int:
    """A day in `folder`; how many bytes it has."""
    frames, recording = Frames(), Recording(folder / "made", 1)
    for second in range(KEYFRAME_S):
        picture = {**shown[second % len(shown)], "at": DAY_AT + second}
        recording.keep(frames.show(picture), frames.parts, DAY_AT + second)
    recording.close()
    (made,) = (folder / "made").glob("*/*")
    lines = gzip.decompress(made.read_bytes())
    day = folder / f"{datetime.fromtimestamp(DAY_AT, UTC):%Y-%m-%d}"
    day.mkdir()
    for number in range(86_400 // KEYFRAME_S):
        first = DAY_AT + number * KEYFRAME_S
        moved = b"".join(_later(line, first - DAY_AT) for line in lines.splitlines(keepends=True))
        (day / f"{first}-{first + KEYFRAME_S - 1}.jsonl.gz").write_bytes(gzip.compress(moved, 1))
    return sum(path.stat().st_size for path in day.iterdir())


def _later(line: bytes, by_s: int) -> bytes:
    found = re.match(rb'\{"at":(\d+)', line)
    assert found is not None
    return b'{"at":%d' % (int(found[1]) + by_s) + line[found.end() :]


def main() -> int:
    """Print the figures."""
    with tempfile.TemporaryDirectory(prefix="zhanpai-playback-") as name:
        folder = Path(name)
        shown = pictures(folder / "records", wide_plan(COPIES, ROOMS))
        kept = stored_day(folder / "playback", shown)
        store = open_store(folder / "empty", area="xh", timezone="Asia/Shanghai", now=time.time)
        now = Desk(picture={**shown[-1], "at": DAY_AT + 86_400})
        http = screen_of(now, store, playback=folder / "playback")
        dice = random.Random(1)

        def taken_s(path: str, **asked: int) -> tuple[float, int]:
            began_s = time.perf_counter()
            answer = http.get(f"/api/v1/{path}", params=asked)
            assert answer.status_code == 200, answer.text
            answer.json()
            return time.perf_counter() - began_s, int(answer.headers["Content-Length"])

        print(f"{len(shown[0]['trucks'])} trucks, {len(shown[0]['rooms'])} rooms: a stored day has {kept / 1e6:.0f} MB")
        print(f"days and gaps: {taken_s('playback/days')[0]:.2f} s at first, then {taken_s('playback/days')[0]:.2f} s")
        slowest_s = 0.0
        for speed, for_s, step_s in SPEEDS:
            moments = [dice.randrange(DAY_AT, DAY_AT + 86_400 - for_s) for _ in range(SEEKS)]
            found = [
                taken_s("playback/changes", from_at=at, until_at=at + for_s, step_s=step_s) for at in moments
            ]  # fmt: skip
            times = sorted(one for one, _ in found)
            print(f"x{speed}: {for_s} s of the past in {times[SEEKS // 2]:.2f} s, at most {times[-1]:.2f} s, "
                  f"{sum(size for _, size in found) / SEEKS / 1e3:.0f} kB")  # fmt: skip
            slowest_s = max(slowest_s, times[-1])
        store.close()
        return 0 if goals.held("playback/seek", slowest_s) else 1


if __name__ == "__main__":
    sys.exit(main())
