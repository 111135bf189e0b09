"""Runs the cases of the modules named on the command line and prints one line each; exits 1 if any failed.

Works on both Pythons: `micropython run_cases.py unit_cases ...`.
"""

import sys


def cases_of(module):
    """(name, function) of a module's cases."""
    return [(name, getattr(module, name)) for name in sorted(dir(module)) if name.startswith("case_")]


def main(names):
    """Run them; returns how many failed."""
    failed = 0
    for name in names:
        module = getattr(__import__("tests.binroom.cases." + name).binroom.cases, name)
        for case, function in cases_of(module):
            try:
                function()
                print("ok", name + "." + case)
            except Exception as error:
                failed += 1
                print("FAILED", name + "." + case, repr(error))
                if hasattr(sys, "print_exception"):
                    sys.print_exception(error)
    return failed


if __name__ == "__main__":
    sys.exit(1 if main(sys.argv[1:]) else 0)
