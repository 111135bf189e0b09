"""`python3 -m bench [NAME ...]`: the benchmarks, each in its own process; every figure is a ratio within its own run.

`--list` names them; what stands after the names (`--seed 3`, or after `--`) goes to each of them. An absent
data folder or server is said, never silently left out.
"""

from firmware import environment

if __name__ == "__main__":
    environment.enter(*environment.TRUCK, *environment.SERVER)

import argparse
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
# Not in bench/ because the tests run their short versions.
ELSEWHERE = {"kill": [sys.executable, "-m", "tests.support.kill.run", "--seconds", "180"],
             "bookings": [sys.executable, "-m", "tests.support.bookings.run"],
             "bookings_killed": [sys.executable, "-m", "tests.support.bookings.killed"],
             "store_faults": [sys.executable, "-m", "tests.support.record.store_faults"],
             "faults": [sys.executable, "-m", "tests.support.faults.run"],
             "long_tests": [sys.executable, "-m", "pytest", "-m", "long", "-n", "2"]}  # fmt: skip
DEVICES = ("binroom", "truck")
DEADLINE_S = 7200  # ten searches of ten minutes


def commands() -> dict[str, list[str]]:
    """All benchmarks there are, each with its command; one is called as its file is, those of a device with its name
    before it."""
    files = (path.relative_to(HERE).with_suffix("") for path in HERE.glob("*/*.py") if path.stem != "__init__")
    found = {(".".join(path.parts) if path.parts[0] in DEVICES else path.name): path for path in files}
    ours = {name: [sys.executable, "-m", ".".join(("bench", *path.parts))] for name, path in found.items()}
    return dict(sorted((ours | ELSEWHERE).items()))


def main() -> int:
    """Run them one after the other; 1 if any failed."""
    top = argparse.ArgumentParser(prog="python3 -m bench", description=__doc__)
    top.add_argument("names", nargs="*", help="which (default: all)")
    top.add_argument("--list", action="store_true", help="name them and end")
    own = sys.argv[1:]
    named = next((at for at, word in enumerate(own) if at and word.startswith("-")), len(own))
    passed_on = own[named + (own[named : named + 1] == ["--"]) :]
    args = top.parse_args(own[:named])
    if args.list:
        print("\n".join(commands()))
        return 0
    unknown = sorted(set(args.names) - set(commands()))
    if unknown:
        print(f"no such benchmark: {' '.join(unknown)}; there are {' '.join(commands())}", file=sys.stderr)
        return 2
    failed = []
    for number, name in enumerate(args.names or commands(), start=1):
        print(f"\n== {name} ({number}/{len(args.names or commands())})", flush=True)
        start = time.monotonic()
        try:
            command = commands()[name] + passed_on
            code = subprocess.run(command, cwd=HERE.parent, timeout=DEADLINE_S, check=False).returncode
        except subprocess.TimeoutExpired:
            code = -1
            print(f"{name}: not done within {DEADLINE_S} s")
        print(f"-- {name}: {time.monotonic() - start:.0f} s", flush=True)
        if code != 0:
            failed.append(name)
    if failed:
        print(f"\nfailed: {' '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
