"""What is known of the broker we are connected to by the version it tells, whoever runs it."""

import re


def unsafe_because(version: str) -> list[str]:
    """What is known to be unsafe in a Mosquitto of this `$SYS/broker/version`; an unknown text is named as such."""
    found = re.search(r"mosquitto version (\d+)\.(\d+)\.(\d+)", version)
    if not found:
        return [f"this broker calls itself {version[:60]!r}: only Mosquitto is tested for the street"]
    number = tuple(int(part) for part in found.groups())
    reasons = []
    if number < (2, 0, 0):
        reasons.append("before 2.0 a listener without accounts is open to everybody: install 2.0.11 or later")
    if (2, 0, 12) <= number <= (2, 0, 18):
        reasons.append("2.0.12 to 2.0.18 can lose persistent sessions: install 2.0.11 or 2.0.19 and later")
    return reasons
