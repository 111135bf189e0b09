"""A bin-room board without the board: real MicroPython on a pseudo terminal, with a flash memory that wears true sizes.

    host tool (mpremote, tools/flash.py)
        | opens   ports/binroom-07  -> /dev/pts/N          a symlink that outlives every reset and cable pull
    VirtualBoard (board.py; port.py, session.py)            passes bytes, watches for resets, pulls the cable
        | inner pty (terminal.py), Ctrl-C is a signal there
    micropython -i bootstrap.py                             mounts flash.img as "/", runs /main.py, then the prompt
        | block device
    flash.img, power.txt                                    littlefs blocks; how many block writes are left

Besides it: `rom.py`, the serial boot loader of an ESP32 for the real esptool, and `uf2_drive.py`, the drive an RP2040
shows while BOOTSEL is held.
"""
