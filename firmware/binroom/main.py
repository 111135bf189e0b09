"""Where a release starts: settings first, then all the rest.

`start(root)` is what the boot loader calls; `root` is "" on a board and a folder on a desk. The order is for the
heap's sake: the settings' checks are needed once, and their memory is taken again by what follows.
"""

import asyncio
import gc
import logging
import sys

from firmware import wire
from firmware.binroom.constant import const

_COLLECT_EVERY_BYTES = const(4096)  # a heap swept often stays whole; one swept only when full breaks into crumbs


def log(text):
    """One line for the technician at the prompt."""
    logging.getLogger("binroom").info(text)


def load_settings(root):
    """The unit's and the network's checked settings; their module is dropped afterwards."""
    from firmware.binroom import settings

    unit = settings.load_unit(root)
    network = settings.load_network(root, unit["device"])
    sys.modules.pop("firmware.binroom.settings")
    delattr(sys.modules["firmware.binroom"], "settings")
    return unit, network


def start(root="", note=log):
    """Run the unit of the settings below `root`; returns only by an exception, which the boot loader counts."""
    logging.basicConfig(level=logging.INFO)
    gc.threshold(_COLLECT_EVERY_BYTES)
    wire.keep_only("room")
    settings, network = load_settings(root)
    from firmware.binroom.board import Board
    from firmware.binroom.loop import Machine

    board = Board(settings)
    machine = Machine(root, board, settings, network, note)
    board.start_watchdog(settings["watchdog_s"])
    asyncio.run(machine.run())
