"""The bin-room unit: counts bins, shows the lamp; runs on MicroPython boards and, unchanged, on CPython."""
