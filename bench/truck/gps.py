"""The GPS reader under fuzz, and its speed: `python3 -m bench truck.gps -- [lines]` (10^6 lines by default)."""

import random
import sys
import time

from firmware.truck.gps.epochs import read_fixes
from tests.support.nmea_fuzz import framed, fuzz


def main() -> None:
    """Prints the result of the fuzz and how many times faster than a receiver the reader is."""
    lines = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    print(f"fuzz: {fuzz(lines, random.Random(2026))}")
    line = framed("GPRMC,120000.00,A,3112.0000,N,12124.0000,E,10.0,90.0,221126,,,A")
    stream = [line[i : i + 64] for i in range(0, len(line), 64)] * 20_000
    begin_s = time.perf_counter()
    count = sum(1 for _ in read_fixes(stream))
    took_s = time.perf_counter() - begin_s
    size = sum(map(len, stream))
    print(f"reader: {size / took_s / 960:.0f} x a 9600 baud line ({size / took_s / 1e6:.2f} MB/s, {count} fix)")


if __name__ == "__main__":
    main()
