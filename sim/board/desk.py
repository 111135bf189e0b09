"""What a desk changes about a running unit: the pace of its decisions' clock, and a look at its heap.

`ZP_SPEED`: how many times faster than the wall clock the ticks run that the unit's decisions see; the network's
deadlines stay real. `ZP_MEMORY_MS`: how often to print `memory <used> <free>` bytes of the heap after a collection.
"""

import gc
import time


def adjust(speed, memory_ms):
    """Change the release on the path: as soon as it has read its settings, not to disturb its order of loading."""
    from firmware.binroom import main

    load_settings = main.load_settings

    def load(root):
        loaded = load_settings(root)
        _change(speed, memory_ms)
        return loaded

    main.load_settings = load


def _change(speed, memory_ms):
    if speed != 1:
        from firmware.binroom.board import Board

        real_ms = Board.real_ms
        Board.ticks_ms = lambda self: real_ms(self) * speed
    if memory_ms:
        from firmware.binroom.loop import Machine

        step = Machine.step
        last = [time.ticks_ms()]

        def watched(self):
            step(self)
            if time.ticks_diff(time.ticks_ms(), last[0]) >= memory_ms:
                last[0] = time.ticks_ms()
                gc.collect()
                print("memory", gc.mem_alloc(), gc.mem_free())

        Machine.step = watched
