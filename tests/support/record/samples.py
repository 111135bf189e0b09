"""Records as the tests of the store write them."""

from broker.store import Record

NOON = 1795320000  # 2026-11-22 12:00 in Shanghai
ZONE = "Asia/Shanghai"


def bins(seq: int, at: int = NOON, room: str = "r01", count: int = 1, waste: str = "residential_dry") -> Record:
    """A bin report."""
    entry = {"waste": waste, "count": count, "grams": 1000 * count, "quality": 0}
    body = {"device": room, "boot": 1, "seq": seq, "at": at, "late": False, "bins": [entry]}
    return Record(f"{room}:1:{seq}", "bins", room, at, NOON, "xh", body)


def visit(number: int, state: str, at: int = NOON, key: str = "run1/r01/1") -> Record:
    """A visit's transition."""
    body = {"room": "r01", "truck": "t01", "waste": "unit_wet", "state": state, "reason": None, "bins_before": 4}
    return Record(f"visit:{key}:{at}:{number}", "visit", key, at, NOON, "xh", body)
