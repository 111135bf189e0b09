"""What a light does in a pattern: when it is on and when that changes; pure.

A pattern is a list of (on, seconds), repeated for ever.
"""

PATTERNS: dict[str, tuple[tuple[bool, float], ...]] = {
    # the button's light (events.LIGHT_PATTERNS)
    "off": ((False, 60.0),),
    "fast": ((True, 0.125), (False, 0.125)),
    "slow": ((True, 0.75), (False, 0.75)),
    "steady": ((True, 60.0),),
    "double": ((True, 0.2), (False, 0.2), (True, 0.2), (False, 1.2)),
    "identify": ((True, 0.05), (False, 0.05)),
    # the optional light of the receiver (events.GPS_WORDS)
    "no_port": ((True, 0.1), (False, 0.1)),
    "no_bytes": ((True, 0.2), (False, 0.2), (True, 0.2), (False, 1.2)),
    "no_fix": ((True, 0.75), (False, 0.75)),
    "fix": ((True, 60.0),),
}


def level_at(pattern: str, elapsed_s: float) -> tuple[bool, float]:
    """Whether the light is on `elapsed_s` after the pattern began, and how many seconds it stays so."""
    phases = PATTERNS[pattern]
    into_s = elapsed_s % sum(length_s for _, length_s in phases)
    for on, length_s in phases:
        if into_s < length_s:
            return on, length_s - into_s
        into_s -= length_s
    return phases[-1][0], phases[-1][1]
