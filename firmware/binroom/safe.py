"""Safe mode with a link: no sensors, no unit; the lamps flash "no data" and the unit's life says why."""

import asyncio

from firmware import wire
from firmware.binroom import durable
from firmware.binroom.board import Board
from firmware.binroom.constant import const
from firmware.binroom.lamp import NO_DATA, PATTERNS
from firmware.binroom.link import Link
from firmware.binroom.settings import load_network, load_unit
from firmware.binroom.way import make_way, tls_context

_LOOP_MS = const(20)


def run(root, why, show):
    """Flash all lamps by `show(is_on)` and keep the life topic at `init` with the reason; no watchdog runs."""
    settings = load_unit(root)
    settings["lamps"] = []  # the boot loader drives them already
    settings["buttons"] = []
    board = Board(settings)
    network = load_network(root, settings["device"])
    network["tls"] = tls_context(network)
    boot = durable.next_boot(root + durable.BOOT_FILE)
    topic = wire.topic("life", settings["area"], settings["device"], family="room")
    will = (topic, wire.pack(topic, {"life": "lost", "boot": boot}))
    life = wire.pack(topic, {"life": "init", "boot": boot, "fw": ("safe mode: " + why)[:64]})
    link = Link(
        network,
        lambda: (settings["device"], will, wire.subscriptions("room", settings["area"], settings["device"])),
        board,
        make_way(network, settings["device"]),
        print,
    )
    asyncio.run(_run(board, link, topic, life, show))


async def _run(board, link, topic, life, show):
    task = asyncio.create_task(link.run())
    on_ms, period_ms = PATTERNS[NO_DATA]
    started = board.real_ms()
    lit = None
    while not task.done():
        wanted = board.ticks_diff(board.real_ms(), started) % period_ms < on_ms
        if wanted != lit:
            lit = wanted
            show(lit)
        for event in link.take_events():
            if event == ("link", True):
                link.send(topic, life, True)
            elif event[0] == "message":
                _obey(board, event[1], event[2])
        await asyncio.sleep_ms(_LOOP_MS)


def _obey(board, topic, payload):
    """Safe mode knows one command: reset."""
    try:
        message = wire.unpack(topic, payload or b"")
    except wire.WireError:
        return
    if message.address.channel == "command" and message.body["command"] == "reset":
        board.reset()
