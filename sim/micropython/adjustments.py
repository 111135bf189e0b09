"""What a desk changes about a running unit: the pace of its decisions' clock, and a look at its heap.

`ZP_SPEED`: how many times faster than the wall clock the ticks run that the unit's decisions see, until the panel
says otherwise (`machine.pace`); the network's deadlines stay real. `ZP_MEMORY_MS`: how often to print `memory <used>
<free>` bytes of the heap after a collection.
"""

import gc
import time

import machine


def adjust(speed, memory_ms):
    """Change the release on the path: as soon as it has read its settings, not to disturb its order of loading."""
    from firmware.binroom import main

    load_settings = main.load_settings

    def load(root):
        settings = load_settings(root)
        from firmware.binroom.board import Board
        from firmware.binroom.loop import Machine

        real_ms = Board.real_ms
        stretch = [0, 0, speed]  # its ticks at the beginning, the real ones then, the pace since

        def ticks_ms(self):
            now = real_ms(self)
            ticks = stretch[0] + time.ticks_diff(now, stretch[1]) * stretch[2]
            wanted = machine.pace() or speed
            if wanted != stretch[2]:
                stretch[:] = [ticks, now, wanted]
            return ticks

        Board.ticks_ms = ticks_ms
        step = Machine.step
        last = time.ticks_ms()

        def watched(self):
            nonlocal last
            step(self)
            if memory_ms and time.ticks_diff(time.ticks_ms(), last) >= memory_ms:
                last = time.ticks_ms()
                gc.collect()
                print("memory %d %d" % (gc.mem_alloc(), gc.mem_free()))

        Machine.step = watched
        return settings

    main.load_settings = load
