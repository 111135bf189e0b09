"""The GPS reader under fuzz: random, forged and noisy lines, and what must never come of them."""

import random
from functools import reduce

from firmware.truck.gps.epochs import Epochs
from firmware.truck.gps.nmea import NULL_ISLAND_DEG

SETTLED_LINES = 30  # so many honest lines later nothing a forged one said is still being gathered
PLACES = (
    "3112.0000,N,12124.0000,E",
    "0000.0000,N,00000.0000,E",
    ",,,",
    "3112.0000,,12124.0000,",
    "0,N,0,E",
    "9000.0,S,18000.0,W",
)


def _sentence(dice: random.Random, second: int) -> tuple[str, bool]:
    """One random sentence without its frame, and whether its receiver vouches for a position in it."""
    clock = f"{second // 3600 % 24:02d}{second // 60 % 60:02d}{second % 60:02d}.00"
    place = dice.choice(PLACES)
    kind = dice.randrange(4)
    if kind == 0:
        status, mode = dice.choice("AAV"), dice.choice(("A", "N", "E", ""))
        body = f"GPRMC,{clock},{status},{place},{dice.random() * 20:.1f},90.0,221126,,,{mode}"
        return body, status == "A" and mode != "N"
    if kind == 1:
        quality = dice.choice(("0", "1", "2", "6", "8", "", "9"))
        return f"GPGGA,{clock},{place},{quality},08,1.0,5,M,8,M,,", quality in ("1", "2", "6", "8")
    if kind == 2:
        status = dice.choice("AV")
        return f"GPGLL,{place},{clock},{status},A", status == "A"
    modes = dice.choice(("AAN", "NNN", ""))
    return f"GNGNS,{clock},{place},{modes},12,0.8,5,8,,", "A" in modes


def framed(body: str) -> bytes:
    """The sentence as a receiver sends it, with its checksum."""
    return f"${body}*{reduce(lambda x, c: x ^ ord(c), body, 0):02X}\r\n".encode()


def _forged(body: str, dice: random.Random) -> str:
    """The sentence with a field lost, a character changed or its end cut, before its checksum is made."""
    way = dice.randrange(3)
    if way == 0:
        fields = body.split(",")
        del fields[dice.randrange(1, len(fields))]
        return ",".join(fields)
    if way == 1:
        at = dice.randrange(6, len(body))
        return body[:at] + chr(dice.randrange(32, 127)).replace("$", "x").replace("*", "y") + body[at + 1 :]
    return body[: dice.randrange(6, len(body))]


def _noisy(line: bytes, dice: random.Random) -> bytes:
    """The line as a bad cable delivers it: a byte changed, cut, or behind rubbish; its checksum stays the sender's."""
    way = dice.randrange(6)
    if way == 0:
        at = dice.randrange(len(line))
        return line[:at] + bytes([dice.randrange(256)]) + line[at + 1 :]
    if way == 1:
        return line[: dice.randrange(len(line))]
    if way == 2:
        return dice.randbytes(dice.randrange(40)) + line
    return line


def fuzz(lines: int, dice: random.Random) -> dict[str, int]:
    """Reads so many random lines; counts what must never be.

    `null_island`: fixes near 0/0. `void`: fixes of an instant no sentence vouched for. Half of the time sentences are
    forged under a true checksum: these may say anything, also about another instant, so only 0/0 counts there.
    """
    epochs = Epochs()
    epochs.feed(framed("GPZDA,000000.00,22,11,2026,00,00"))
    result = {"lines": lines, "fixes": 0, "honest": 0, "null_island": 0, "void": 0}
    second, forging, since_forged = 0, False, 0
    vouched: dict[int, bool] = {}
    for _ in range(lines):
        if dice.random() < 0.4:
            second = (second + 1) % 43_200
            forging ^= dice.random() < 0.01
            vouched[second] = forging
            vouched.pop((second - 100) % 43_200, None)
        body, good = _sentence(dice, second)
        vouched[second] = vouched.get(second, False) or good
        line = _noisy(framed(_forged(body, dice) if forging else body), dice)
        since_forged = 0 if forging else since_forged + 1
        for fix in epochs.feed(line):
            result["fixes"] += 1
            result["null_island"] += abs(fix.lat) < NULL_ISLAND_DEG and abs(fix.lon) < NULL_ISLAND_DEG
            if since_forged > SETTLED_LINES and fix.fix_at is not None:
                result["honest"] += 1
                result["void"] += not vouched.get(int(fix.fix_at) % 86_400, False)
    return result
