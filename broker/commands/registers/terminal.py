"""A register as a terminal meets it: which folder it is in, and how refusals, outside edits and changes are told."""

import argparse
import contextlib
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from broker.people.access_log import open_access_log
from broker.people.errors import PeopleError
from broker.registers.errors import Conflict, Invalid, Problem, RegisterError
from broker.registers.folder import Registers, open_registers
from broker.registers.kept.differences import Change, in_words
from broker.registers.kept.register import Register
from broker.registers.kept.snapshots import Snapshot
from broker.registers.privacy import redacted
from broker.registers.words import WORDS

SHOWN_CHANGES = 200
DEFAULT_FOLDER = Path("data/registers")
Args = argparse.Namespace


def careful(run: Callable[[Args], int]) -> Callable[[Args], int]:
    """The command with its refusals told on standard error instead of a traceback."""

    def guarded(args: Args) -> int:
        try:
            return run(args)
        except Invalid as error:
            print(error.told(args.lang), file=sys.stderr)
        except Conflict as error:
            print(error, file=sys.stderr)
            for title, changes in (("theirs", error.their_changes), ("yours", error.my_changes)):
                print(" / ".join(WORDS.say(lang, "report", title) for lang in ("en", "zh")) + ":", file=sys.stderr)
                print_changes(changes, args.lang, sys.stderr)
        except (RegisterError, PeopleError) as error:
            print(error, file=sys.stderr)
        except BrokenPipeError:
            raise  # whoever reads what we print has enough of it
        except OSError as error:
            print(f"{error.filename or 'disk'}: {error.strerror or error}", file=sys.stderr)
        return 1

    return guarded


def registers_of(args: Args) -> Registers:
    """The registers in --folder, else those of the configuration file, else in data/registers."""
    if args.folder is not None:
        return _opened(args.folder)
    config = getattr(args, "config", None)
    if config is not None and Path(config).exists():
        from broker.config import ConfigError, read_config
        from broker.settings import configured_plan

        try:
            settings = read_config(config)
        except ConfigError as error:
            raise Invalid([Problem(str(config), "rule", {"message": str(error)})]) from error
        with contextlib.suppress(ConfigError):  # a plan that cannot be read must not hide the registers
            return _opened(settings.registers.folder, configured_plan(settings).timezone)
        return _opened(settings.registers.folder)
    return _opened(DEFAULT_FOLDER)


def _opened(folder: Path, timezone: str = "Asia/Shanghai") -> Registers:
    return open_registers(folder, access=open_access_log(folder, timezone=timezone), timezone=timezone)


def register_of(args: Args) -> Register[Any]:
    """The register the command is about."""
    return registers_of(args).named(args.register)


def read_register(args: Args) -> Snapshot[Any]:
    """The register as last saved; warnings and outside edits are told on standard error."""
    snapshot = register_of(args).read()
    for warning in snapshot.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    if snapshot.outside is not None:
        print("warning: the file was edited outside; this is the last good version. The edit:", file=sys.stderr)
        for problem in snapshot.outside.problems:
            print(f"  {problem.sentence(args.lang)}", file=sys.stderr)
        print_changes(snapshot.outside.changes, args.lang, sys.stderr)
        print(f"etag of the edit {snapshot.outside.etag}", file=sys.stderr)
        print("`accept-edit` takes it over, `discard-edit` puts the last good version back", file=sys.stderr)
    return snapshot


def seen(args: Args, snapshot: Snapshot[Any]) -> dict[str, Any]:
    """The document, with names only for somebody who says who he is; that is logged."""
    if args.register != "elections":
        return snapshot.document
    if not getattr(args, "names", False):
        return redacted(snapshot.document)
    if not args.who.strip():
        raise Invalid([Problem("--who", "who_why")])
    registers_of(args).access.note(args.who, "command line", "read", "elections with names")
    return snapshot.document


def saved_as(snapshot: Snapshot[Any]) -> int:
    """Say what was saved; returns 0."""
    for warning in snapshot.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    print(f"version {snapshot.version}, etag {snapshot.etag}")
    return 0


def print_changes(changes: Sequence[Change], lang: str, out: Any = None) -> None:
    """Print changes in words, the first 200 of them."""
    for change in changes[:SHOWN_CHANGES]:
        print(f"  {in_words(change, lang)}", file=out)
    if len(changes) > SHOWN_CHANGES:
        print(f"  … {len(changes) - SHOWN_CHANGES}", file=out)
