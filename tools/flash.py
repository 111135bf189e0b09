#!/usr/bin/env python3
"""Flash bin-room units and truck computers: `python3 tools/flash.py --help`. What it does is in tools/flashing."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from firmware import environment

if __name__ == "__main__":
    environment.enter(*environment.TRUCK, *environment.SERVER, "esptool", "mpremote", "segno")

from tools.flashing.commands.main import main

if __name__ == "__main__":
    sys.exit(main())
