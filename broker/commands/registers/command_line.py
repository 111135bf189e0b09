"""`python3 -m broker elections …` and `python3 -m broker safety …`: the registers from the command line."""

import argparse
import os
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

from broker import NAME
from broker.commands.registers import reading as reads
from broker.commands.registers import writing as writes
from broker.commands.registers.terminal import DEFAULT_FOLDER, careful
from broker.commands.who import system_user

Parsers = Any  # argparse names this type privately


def add_commands(subparsers: Parsers) -> None:
    """Register both commands; each parsed call has `run(args) -> exit code`."""
    for which, title in (("elections", "the election register"), ("safety", "the register of safety works")):
        top = subparsers.add_parser(which, help=f"{title}: list, show, set, import, export, report, restore")
        commands = top.add_subparsers(dest="deed", required=True, metavar="DEED")
        _reading(commands, which)
        _writing(commands, which)
        if which == "elections":
            _only_elections(commands)
        else:
            _only_safety(commands)


def _one(commands: Parsers, which: str, name: str, run: Callable[[argparse.Namespace], int], text: str) -> Any:
    parser = commands.add_parser(name, help=text, description=text)
    parser.add_argument(
        "--folder", type=Path, help=f"folder of the registers (default: [registers] folder, or {DEFAULT_FOLDER})",
    )
    spoken = "zh" if os.environ.get("LANG", "").startswith("zh") else "en"
    parser.add_argument("--lang", choices=("en", "zh"), default=spoken, help="language of the answers")
    parser.set_defaults(run=careful(run), register=which)
    return parser


def _signed(parser: Any) -> Any:
    parser.add_argument("--who", default=system_user(), help="who makes the change (default: the user's name)")
    parser.add_argument("--why", required=True, help="why")
    parser.add_argument("--expect", help="etag of the version the change is based on (default: the last)")
    return parser


def _reading(commands: Parsers, which: str) -> None:
    one = _one(commands, which, "list", reads.list_records, "list areas and bodies, or programmes and sites")
    one.add_argument("table", nargs="?", help="only this table")
    one = _one(commands, which, "show", reads.show, "show the register, or the part at a path such as bodies/pb-a01")
    one.add_argument("path", nargs="?", default="")
    _names(one)
    one = _one(commands, which, "report", reads.report, "the computed figures, what is overdue and what is next")
    one.add_argument("--json", action="store_true")
    if which == "elections":
        one.add_argument("--kind", choices=("party_branch", "residents_committee", "womens_federation"))
        one.add_argument("--level", choices=("first", "second"))
        one.add_argument("--area")
    one = _one(commands, which, "export", reads.export, "write the register to a .csv, .xlsx or .json file")
    one.add_argument("file", type=Path)
    one.add_argument("--table", help="only this table (a CSV file holds one)")
    _names(one)
    one = _one(commands, which, "log", reads.show_log, "who changed what, when and why, newest first")
    one.add_argument("--last", type=int, default=20)
    _one(commands, which, "versions", reads.versions, "kept versions and daily copies")
    _one(commands, which, "check", reads.check, "check file, log, versions and daily copies")
    one = _one(commands, which, "schema", reads.schema, "write the JSON Schema of the register's file")
    one.add_argument("--write", type=Path, default=Path("schemas"), help="folder (default: schemas)")


def _names(parser: Any) -> None:
    parser.add_argument("--names", action="store_true", help="with names and birth dates; which is logged")
    parser.add_argument("--who", default=system_user(), help="who looks (default: the user's name)")


def _writing(commands: Parsers, which: str) -> None:
    one = _signed(_one(commands, which, "init", writes.init, "make an empty register, or one from a JSON file"))
    one.add_argument("--from", dest="source", type=Path, help="a register file made elsewhere")
    one = _signed(_one(commands, which, "demo", writes.demo, "make the register of the made-up demo subdistrict"))
    when = "when it began (default: so that it is under way today; the pilot's: 2021-04-10)"
    one.add_argument("--first-day", type=date.fromisoformat, help=when)
    one = _signed(_one(commands, which, "set", writes.set_field, "set one field: PATH VALUE"))
    one.add_argument("path", help="such as bodies/pb-a01/steps/vote/done_on")
    one.add_argument("value", help="text, number, date, or null for not stated")
    one = _signed(_one(commands, which, "add", writes.add, "add a record to a list, given as JSON"))
    one.add_argument("path", help="such as bodies/pb-a01/after/members")
    one.add_argument("record", help="a JSON object, or @FILE")
    one = _signed(_one(commands, which, "remove", writes.remove, "remove the record at a path"))
    one.add_argument("path")
    one = _one(commands, which, "import", writes.import_file, "show what a CSV, XLSX or JSON file would change")
    one.add_argument("file", type=Path)
    one.add_argument("--table", help="the table of a CSV file (default: by its columns)")
    one.add_argument("--apply", action="store_true")
    one.add_argument("--who", default=system_user(), help="default: the user's name")
    one.add_argument("--why", default="")
    one.add_argument("--expect")
    one = _signed(_one(commands, which, "restore", writes.restore, "bring a kept version or a day's copy back"))
    one.add_argument("version", help="a version number, or a day such as 2021-04-10")
    _signed(_one(commands, which, "accept-edit", writes.accept_edit, "take over what other hands wrote into the file"))
    _signed(_one(
        commands, which, "discard-edit", writes.discard_edit, "put the last good version back; the edit is kept aside",
    ))


def _only_elections(commands: Parsers) -> None:
    one = _signed(_one(
        commands, "elections", "retention", writes.retention,
        "remove names, birth dates and notes of terms that ended long ago, from the register and all kept versions",
    ))
    one.add_argument("--years", type=int, required=True, help="terms that ended more than so many years ago")
    one.add_argument("--dry-run", action="store_true", help="only say how many people it would touch")


def _only_safety(commands: Parsers) -> None:
    one = _one(commands, "safety", "export-oc4ids", reads.export_oc4ids, "write an OC4IDS 0.9 project package")
    one.add_argument("file", type=Path)
    one.add_argument("--uri", default="urn:zhanpai:safety", help="the package's address")
    one.add_argument("--publisher", default=NAME)
    one.add_argument("--prefix", default="zhanpai", help="prefix of the project ids")
    one.add_argument("--who", default=system_user(), help="default: the user's name")
    one = _one(commands, "safety", "import-oc4ids", writes.import_oc4ids, "show what an OC4IDS package would add")
    one.add_argument("file", type=Path)
    one.add_argument("--programme", help="for projects that name none of this register")
    one.add_argument("--estate", help="for projects that name none of this register")
    one.add_argument("--prefix", default="zhanpai")
    one.add_argument("--apply", action="store_true")
    one.add_argument("--who", default=system_user(), help="default: the user's name")
    one.add_argument("--why", default="")
    one.add_argument("--expect")
