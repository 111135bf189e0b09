"""`python3 link_lgpio.py ENVIRONMENT` makes the system's lgpio importable in a virtual environment; code 1 without one.

What drives a Pi's pins comes as python3-lgpio with Raspberry Pi OS, built for its own Python; as wheels it lags behind.
Nothing else of the system's becomes visible: the packages beside it stay those of the lock file.
"""

import importlib.util
import sys
from pathlib import Path


def link(environment: Path) -> bool:
    """Link both of its modules as they lie now; False if this Python has none."""
    site = environment / f"lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages"
    places = [spec.origin for spec in map(importlib.util.find_spec, ("lgpio", "_lgpio")) if spec and spec.origin]
    if len(places) < 2:
        return False
    for place in map(Path, places):
        (site / place.name).unlink(missing_ok=True)
        (site / place.name).symlink_to(place)
    return True


if __name__ == "__main__":
    sys.exit(not link(Path(sys.argv[1])))
