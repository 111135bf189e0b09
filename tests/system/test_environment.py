"""Every command with the system's Python: with `.venv` it works as written, without it one line says what to type."""

from __future__ import annotations

import argparse
import ast
import functools
import os
import re
import shlex
import shutil
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from broker.__main__ import parser
from broker.commands.record.access import told
from broker.commands.registers.terminal import careful
from firmware import environment

REPO = Path(__file__).resolve().parents[2]
COMMANDS = (
    "-m sim --list",
    "-m sim.usb_board --help",
    "-m broker --help",
    "-m bench --list",
    "-m broker.plan.demo_area --help",
    "-m sim.demo_week.making",
    "-m firmware.truck --help",
    "tools/flash.py list --json",
    "tools/teach.py --help",
)
# Not the environment's: what Python was before it. -S hides what this machine has installed besides.
SYSTEM = (getattr(sys, "_base_executable", sys.executable), "-S")
ENTRIES = [*(REPO / part for part in ("firmware/__init__.py", "firmware/environment.py"))]
ENTRIES += [REPO / "tools/flash.py", REPO / "tools/teach.py"]
ENTRIES += [path for part in ("broker", "bench", "firmware", "sim") for path in (REPO / part).rglob("__main__.py")]


PAGES = [*REPO.glob("*.md")]
PAGES += [path for part in ("docs", "packaging", "broker") for path in (REPO / part).rglob("*.md")]
WRITTEN = re.compile(r"(?<![\w/.-])(python3?) (-m [\w.]+|[\w/]+\.py)(?: ([a-z][a-z-]*))?")


def type_in(folder: Path, command: str) -> subprocess.CompletedProcess[str]:
    """What somebody gets who types `python3 COMMAND` there."""
    return subprocess.run(
        [*SYSTEM, *shlex.split(command)], cwd=folder, capture_output=True, text=True, timeout=120, check=False
    )


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tree as somebody gets it: without an environment."""
    folder = tmp_path_factory.mktemp("fresh") / "zhanpai"
    for part in ("bench", "broker", "firmware", "sim", "tools"):
        shutil.copytree(REPO / part, folder / part, ignore=shutil.ignore_patterns("__pycache__", "ports"))
    return folder


@pytest.mark.real
@pytest.mark.real
@pytest.mark.parametrize("command", COMMANDS)
def test_without_the_environment_one_line_says_what_to_type(checkout: Path, command: str) -> None:
    """No traceback, a code of its own; what needs no package (a truck's --help) answers."""
    done = type_in(checkout, command)
    if command.startswith("-m firmware.truck"):
        assert done.returncode == 0, done.stderr
        done = type_in(checkout, "-m firmware.truck --config firmware/truck/truck.example.toml")
        command = "-m firmware.truck --config firmware/truck/truck.example.toml"
    assert done.returncode == environment.NOT_HERE
    assert done.stdout == ""
    assert re.fullmatch(
        rf"zhanpai: this needs .+; type `make setup`, then `\.venv/bin/python {re.escape(command)}`\n", done.stderr
    )


@pytest.mark.real
@pytest.mark.real
@pytest.mark.parametrize("command", COMMANDS)
def test_with_the_environment_the_command_runs_in_it(checkout: Path, command: str) -> None:
    """The system's Python hands over to `.venv`, with every argument as it was typed."""
    inside = checkout / ".venv/bin/python"
    inside.parent.mkdir(parents=True)
    try:
        inside.write_text('#!/bin/sh\nfor word; do echo "<$word>"; done\nexit 7\n')
        inside.chmod(0o755)
        done = type_in(checkout, command + " 'two words' ''")
    finally:
        shutil.rmtree(checkout / ".venv")
    assert (done.returncode, done.stderr) == (7, "")
    assert done.stdout.splitlines() == [f"<{word}>" for word in [*shlex.split(command), "two words", ""]]


@pytest.mark.real
@pytest.mark.parametrize("command", [
    "-m broker --help", "-u -m broker --help", "-m sim --list", "-u tools/flash.py list --json", "-m bench --list",
    "-m sim.live.hardware.measures", "-u -m sim.live.hardware.measures",
])  # fmt: skip
def test_what_nobody_reads_any_more_is_no_fault(command: str) -> None:
    """As behind `| head`: whether a print meets it or the interpreter's last flush, no word of it is said."""
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, *shlex.split(command)], cwd=REPO, stdout=writer, stderr=subprocess.PIPE, text=True,
        timeout=120, check=False,
    )  # fmt: skip
    os.close(writer)
    assert (done.stderr, done.returncode in (0, 1)) == ("", True)


def test_commands_that_tell_what_a_disk_refuses_leave_the_reader_alone() -> None:
    """It is no disk's fault that nobody reads on."""

    def printing(_: argparse.Namespace) -> int:
        raise BrokenPipeError

    for run in (careful(printing), functools.partial(told, printing)):
        with pytest.raises(BrokenPipeError):
            run(argparse.Namespace(command="stats", lang="en"))


def test_a_broken_pipe_that_is_not_the_readers_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """One of a socket, while somebody reads what is printed, is an error as before."""
    usual = sys.excepthook
    try:
        environment.end_with_the_reader()
        sys.excepthook(BrokenPipeError, BrokenPipeError("of a socket"), None)
    finally:
        sys.excepthook = usual
    assert "BrokenPipeError: of a socket" in capsys.readouterr().err


@pytest.mark.parametrize("chosen", [True, False])
def test_an_environment_that_somebody_chose_is_kept(monkeypatch: pytest.MonkeyPatch, chosen: bool) -> None:
    """From a virtual environment (a truck's, a container's) nothing is handed over; from the system's Python it is."""
    begun: list[object] = []
    monkeypatch.setattr("os.execv", lambda program, _: begun.append(program))
    monkeypatch.setattr(environment, "INSIDE", Path("/bin/sh"))
    monkeypatch.setattr(sys, "base_prefix", "/elsewhere" if chosen else sys.prefix)
    environment.enter(*environment.TRUCK, *environment.SERVER)
    assert begun == ([] if chosen else [Path("/bin/sh")])


def test_a_python_that_is_too_old_is_told_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The line names both versions."""
    monkeypatch.setattr(environment, "INSIDE", Path("/nowhere/.venv/bin/python"))
    monkeypatch.setattr(sys, "version_info", (3, 9, 2, "final", 0))
    with pytest.raises(SystemExit) as ended:
        environment.enter()
    assert ended.value.code == environment.NOT_HERE
    assert "this needs Python 3.11 or later, and this is 3.9; type `make setup`" in capsys.readouterr().err


@pytest.mark.parametrize("path", ENTRIES, ids=lambda path: str(path.relative_to(REPO)))
def test_an_old_python_can_read_what_tells_it_that_it_is_too_old(path: Path) -> None:
    """Nothing in these files is newer than Python 3.8."""
    ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 8))


@pytest.mark.parametrize(("listed", "file"), [(environment.TRUCK, "truck.in"), (environment.SERVER, "broker.in")])
def test_the_modules_asked_for_are_those_of_the_requirements(listed: tuple[str, ...], file: str) -> None:
    """One module for each package of the file; the time zones are data."""
    wanted = re.findall(r"^[a-z][a-z0-9_-]*", (REPO / "requirements" / file).read_text(), re.MULTILINE)
    owners = packages_distributions() | {"google.protobuf": ["protobuf"], "google.transit": ["gtfs-realtime-bindings"]}
    assert sorted(owners[module][0].lower().replace("_", "-") for module in listed) == sorted({*wanted} - {"tzdata"})


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPO)))
def test_a_command_in_a_page_is_one_that_enters_the_environment(page: Path) -> None:
    """`python3`, since Debian has no `python`; a command of the bridge is one that its help names."""
    known = {" ".join(command.split()[:2]) if command.startswith("-m") else command.split()[0] for command in COMMANDS}
    known |= {"link_lgpio.py", "-m broker.rules.states.diagrams", "-m firmware.truck.button.diagram"}
    known |= {"-m sim.live.hardware.measures"}  # these need no package
    helped = parser().format_help()
    for python, entry, verb in WRITTEN.findall(page.read_text(encoding="utf-8")):
        assert (python, entry in known) == ("python3", True), f"{python} {entry}"
        assert entry != "-m broker" or not verb or re.search(rf"^    {verb}\s", helped, re.MULTILINE), verb
