"""The GPS reader under fuzz, and its speed: `python -m bench.truck_gps [lines]` (10^6 lines by default)."""

import random
import sys
import time
from functools import reduce

from firmware.truck.gps import Epochs, read_fixes
from firmware.truck.nmea import NULL_ISLAND_DEG

PLACES = (
    "3112.0000,N,12124.0000,E",
    "0000.0000,N,00000.0000,E",
    ",,,",
    "3112.0000,,12124.0000,",
    "0,N,0,E",
    "9000.0,S,18000.0,W",
)


def _line(dice: random.Random, second: int) -> tuple[bytes, bool]:
    """One random sentence, mutilated now and then; and whether its receiver vouches for the position."""
    clock = f"{second // 3600 % 24:02d}{second // 60 % 60:02d}{second % 60:02d}.00"
    place = dice.choice(PLACES)
    kind = dice.randrange(4)
    vouched = True
    if kind == 0:
        status, mode = dice.choice("AAV"), dice.choice(("A", "N", "E", ""))
        vouched = status == "A" and mode != "N"
        body = f"GPRMC,{clock},{status},{place},{dice.random() * 20:.1f},90.0,221126,,,{mode}"
    elif kind == 1:
        quality = dice.choice(("0", "1", "2", "6", "8", "", "9"))
        vouched = quality in ("1", "2", "6", "8")
        body = f"GPGGA,{clock},{place},{quality},08,1.0,5,M,8,M,,"
    elif kind == 2:
        status = dice.choice("AV")
        vouched = status == "A"
        body = f"GPGLL,{place},{clock},{status},A"
    else:
        modes = dice.choice(("AAN", "NNN", ""))
        vouched = "A" in modes
        body = f"GNGNS,{clock},{place},{modes},12,0.8,5,8,,"
    mutilation = dice.randrange(8)
    if mutilation == 0:  # a field lost
        fields = body.split(",")
        del fields[dice.randrange(1, len(fields))]
        body = ",".join(fields)
    elif mutilation == 1:  # a character changed before the checksum was made
        at = dice.randrange(6, len(body))
        body = body[:at] + chr(dice.randrange(32, 127)).replace("$", "x").replace("*", "y") + body[at + 1 :]
    elif mutilation == 2:  # cut
        body = body[: dice.randrange(6, len(body))]
    line = f"${body}*{reduce(lambda x, c: x ^ ord(c), body, 0):02X}\r\n".encode()
    if mutilation == 3:  # noise on the cable
        at = dice.randrange(len(line))
        line = line[:at] + bytes([dice.randrange(256)]) + line[at + 1 :]
    elif mutilation == 4:
        line = line[: dice.randrange(len(line))]
    # A changed character or a lost field may turn a void sentence into one that is vouched for: nobody could tell.
    return line, vouched or mutilation in (0, 1, 2, 3)


def fuzz(lines: int, dice: random.Random) -> dict[str, int]:
    """Reads so many random lines; counts fixes near 0/0 and fixes of an instant nothing vouched for."""
    epochs = Epochs()
    result = {"lines": lines, "fixes": 0, "null_island": 0, "void": 0}
    second = 0
    vouched = False
    for _ in range(lines):
        found = []
        if dice.random() < 0.4:
            found = epochs.flush()
            second += 1
            result["void"] += len(found) if not vouched else 0
            vouched = False
        line, good = _line(dice, second)
        vouched = vouched or good
        more = epochs.feed(line)
        result["void"] += len(more) if not vouched else 0
        for fix in [*found, *more]:
            result["fixes"] += 1
            result["null_island"] += abs(fix.lat) < NULL_ISLAND_DEG and abs(fix.lon) < NULL_ISLAND_DEG
    return result


def main() -> None:
    """Prints the result of the fuzz and how many times faster than a receiver the reader is."""
    lines = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    print(f"fuzz: {fuzz(lines, random.Random(2026))}")
    body = "GPRMC,120000.00,A,3112.0000,N,12124.0000,E,10.0,90.0,221126,,,A"
    line = f"${body}*{reduce(lambda x, c: x ^ ord(c), body, 0):02X}\r\n".encode()
    stream = [line[i : i + 64] for i in range(0, len(line), 64)] * 20_000
    begin_s = time.perf_counter()
    count = sum(1 for _ in read_fixes(stream))
    took_s = time.perf_counter() - begin_s
    size = sum(map(len, stream))
    print(f"reader: {size / took_s / 960:.0f} x a 9600 baud line ({size / took_s / 1e6:.2f} MB/s, {count} fix)")


if __name__ == "__main__":
    main()
