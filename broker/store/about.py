"""`store.json`: of which area and time zone a store is; what is found must be what the configuration says."""

from pathlib import Path

import orjson

from broker.store import Conflict, Corrupt
from broker.store.tinyjournal import Files

ABOUT = "store.json"
FORMAT = 1


def check(folder: Path, area: str, timezone: str, files: Files) -> None:
    """Make the file of a new store; raises Conflict for another one's, Corrupt if it is lost or not legible."""
    path = folder / ABOUT
    wanted = {"format": FORMAT, "area": area, "timezone": timezone}
    if not path.exists():
        for part in ("open", "records"):
            if (folder / part).exists() and any((folder / part).iterdir()):
                raise Corrupt(f"{path} is missing but {part}/ is not empty; put it back: {orjson.dumps(wanted)!r}")
        files.write_file(path, orjson.dumps(wanted, option=orjson.OPT_INDENT_2) + b"\n")
        return
    try:
        found = orjson.loads(path.read_bytes())
    except ValueError as error:
        raise Corrupt(f"{path} is not JSON ({error}); it should be {orjson.dumps(wanted)!r}") from error
    if found != wanted:
        raise Conflict(f"{path} says {found}, the configuration says {wanted}: use the folder of this area")
