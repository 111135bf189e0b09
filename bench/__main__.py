"""`python3 -m bench [NAME ...]`: the benchmarks, each in its own process; every figure is a ratio within its own run
where it can be one.

`--list` names them; what stands after the names (`--seed 3`, or after `--`) goes to each of them. `--quick` before or
without names runs the short run of each that has one, all of them in about ten minutes on a quiet machine. What they
find is kept in .bench/; without names, or with `--page`, all of it becomes the page docs/benchmarks.md, of short runs
.bench/benchmarks.md. An absent data folder or server is said, never silently left out.
"""

from firmware import environment

if __name__ == "__main__":
    environment.enter(*environment.TRUCK, *environment.SERVER)

import argparse
import sys
from pathlib import Path

from bench import machine, page, results
from bench.catalogue import CATALOGUE, commands


def main() -> int:
    """Run them one after the other; 1 if any failed or missed a goal."""
    top = argparse.ArgumentParser(prog="python3 -m bench", description=__doc__)
    top.add_argument("names", nargs="*", help="which (default: all)")
    top.add_argument("--list", action="store_true", help="name them and end")
    top.add_argument("--quick", action="store_true", help="the short run of each that has one")
    top.add_argument("--page", action="store_true", help="make the page of what is kept, and end")
    own = sys.argv[1:]
    named = next(
        (at for at, word in enumerate(own) if at and word.startswith("-") and own[at - 1] in CATALOGUE), len(own)
    )
    passed_on = own[named + (own[named : named + 1] == ["--"]) :]
    args = top.parse_args(own[:named])
    if args.list:
        print("\n".join(commands()))
        return 0
    if args.page:
        return _write(quick=args.quick)
    unknown = sorted(set(args.names) - set(commands()))
    if unknown:
        print(f"no such benchmark: {' '.join(unknown)}; there are {' '.join(commands())}", file=sys.stderr)
        return 2
    chosen = args.names or [name for name, one in CATALOGUE.items() if not args.quick or one.quick is not None]
    failed = []
    for number, name in enumerate(chosen, start=1):
        print(f"\n== {name} ({number}/{len(chosen)})", flush=True)
        one = results.run(name, passed_on, quick=args.quick or "--quick" in passed_on)
        print(f"-- {name}: {one.seconds:.0f} s, {one.end}", flush=True)
        if one.code != 0:
            failed.append(name)
    if not args.names:
        _write(quick=args.quick)
    if failed:
        print(f"\nfailed, or missed a goal: {' '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def _write(*, quick: bool) -> int:
    """Make the page of what is kept."""
    target: Path = results.KEPT / "benchmarks.md" if quick else page.PAGE
    found = {name: one for name, one in results.kept().items() if quick or not one.quick}
    target.parent.mkdir(exist_ok=True)
    target.write_text(page.page(found, machine.described()), encoding="utf-8")
    print(f"wrote {target}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
