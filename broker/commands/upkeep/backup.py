"""`python3 -m broker backup [FOLDER]`: a copy of all that the bridge keeps, while it runs."""

import argparse
import time
from pathlib import Path
from typing import Any

from broker.commands.record.access import progress_bar, told
from broker.config import read_config
from broker.settings import configured_plan
from broker.upkeep.backup.making import forget, make_backup
from broker.upkeep.backup.manifest import BackupError


def add_commands(subparsers: Any) -> None:
    """Register `backup` with the server's command line."""
    command = subparsers.add_parser(
        "backup", help="copy record, accounts, registers, reports, plan and configuration, also while the bridge runs",
        description="Makes a folder of its own below FOLDER, with a SHA-256 list (`sha256sum -c SHA256SUMS`). What has "
        "not changed since the last one there is the same file in both. `restore` puts it back.",
    )  # fmt: skip
    command.add_argument("folder", type=Path, nargs="?", help="default: [backup] folder")
    command.add_argument("--secrets", action="store_true", help="also password files and private keys, in clear")
    command.add_argument("--keep", type=int, help="so many stay, older ones go (default: [backup] keep; 0: all)")
    command.set_defaults(run=run_backup)


def run_backup(arguments: argparse.Namespace) -> int:
    """Make it; 0 when it is whole, the record in it is good and nothing of the backup before is rotten, else 1."""

    def run(arguments: argparse.Namespace) -> int:
        try:
            return _backup(arguments)
        except BackupError as why:
            raise ValueError(str(why)) from why

    return told(run, arguments)


def _backup(arguments: argparse.Namespace) -> int:
    config = read_config(arguments.config)
    plan = configured_plan(config)
    folder: Path = arguments.folder or config.backup.folder
    keep: int = config.backup.keep if arguments.keep is None else arguments.keep
    if keep < 0:
        raise ValueError("--keep: 0 keeps all of them")
    with progress_bar("backup", None) as progress:
        made = make_backup(config, arguments.config, plan, folder, int(time.time()), secrets=arguments.secrets,
                           progress=progress)  # fmt: skip
    print(f"{made.folder}: {made.manifest.records} records, {made.files} files, {made.new_bytes} bytes of them new")
    print(f"in it: {', '.join(made.manifest.keys)}")
    if made.manifest.left_out:
        print(f"secrets are left out: {', '.join(made.manifest.left_out)}; --secrets takes them along")
    for finding in made.findings:
        print(f"BAD   the record itself is not good: {finding}; run `python3 -m broker fsck`")
    for rotten in made.rotten:
        print(f"BAD   {rotten}")
    bad = made.findings or made.rotten
    if keep and not bad:  # while something is damaged no older copy of it goes
        removed, ahead = forget(made.folder, plan.area_id, keep, made.manifest.made_at)
        for old in removed:
            print(f"removed, older than the last {keep}: {old}")
        for one in ahead:
            print(f"dated after now, so it stays and does not count: {one}; look at the clock, then keep or remove it")
    return 1 if bad else 0
