"""A live run under test: its scenario, started as a child, its hardware panel by HTTP, and its operations screen."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.support.processes import REPO, need_mosquitto

UP_S = 90.0
SLOW_S = 60.0


def two_rooms(
    about: str, to: str, leave: Mapping[str, str], *, bins_each: int = 3, world: str = "", live: str = "speed = 10",
    rest: str = '[[expect]]\nkind = "records_stored_once"',
) -> str:  # fmt: skip
    """A scenario from six in the morning: each of these runs leaves then for two rooms, and no bin fills again."""
    times = ", ".join(f'{run} = "{at}"' for run, at in leave.items())
    return f"""
[scenario]
about = "{about}"
from = "06:00"
to = "{to}"
[area]
runs = {list(leave)}
first_visits = 2
bins_each = {bins_each}
leave = {{ {times} }}
[world]
refill = false
{world}
[live]
{live}
{rest}
"""


def begun(folder: Path, scenario: str, *arguments: str, http_port: int = 0) -> "subprocess.Popen[str]":
    """`python3 -m sim SCENARIO --live` as a child whose files lie in `folder`."""
    need_mosquitto()
    (folder / "live.toml").write_text(scenario, encoding="utf-8")
    command = [sys.executable, "-m", "sim", str(folder / "live.toml"), "--live", "--http-port", str(http_port)]
    return subprocess.Popen(
        [*command, *arguments], cwd=REPO, env={**os.environ, "TMPDIR": str(folder), "COLUMNS": "200"},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
    )  # fmt: skip


class LiveRun:
    """A live run that is up; as a context it is ended at the end of it."""

    def __init__(self, folder: Path, scenario: str, *arguments: str) -> None:
        self.child = begun(folder, scenario, *arguments)
        self.said = ""
        deadline = time.monotonic() + UP_S
        assert self.child.stdout is not None
        while "hardware panel: " not in self.said:
            assert time.monotonic() < deadline, self.said
            line = self.child.stdout.readline()
            assert line, self.said
            self.said += line
        self.panel = re.findall(r"hardware panel: (http://\S+)/", self.said)[0]
        self.screen = re.findall(r"status page: (http://\S+)", self.said)[0]

    def __enter__(self) -> "LiveRun":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop(signal.SIGTERM)

    def post(self, path: str, **body: Any) -> int:
        """The status of a deed at the panel."""
        data = json.dumps({"page": "test", **body}).encode()
        return self.status(urllib.request.Request(self.panel + path, data, {"Content-Type": "application/json"}))

    @staticmethod
    def status(request: urllib.request.Request) -> int:
        """The status of an answer."""
        try:
            with urllib.request.urlopen(request, timeout=70) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as why:
            return why.code

    def deed(self, path: str, account: str, **body: Any) -> int:
        """The status of a deed on the operations screen, done by one of the people that a click makes one."""
        person = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
        origin = {"Origin": self.screen}
        person.open(urllib.request.Request(f"{self.screen}/sign-in/as", f"account={account}".encode(), origin)).close()
        headers = {"Content-Type": "application/json", **origin}
        request = urllib.request.Request(f"{self.screen}{path}", json.dumps(body).encode(), headers)
        try:
            with person.open(request, timeout=20) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as why:
            return why.code

    def switch(self, fault: str, whom: str, on: bool) -> None:
        """Begin or end a fault."""
        assert self.post("/switch", fault=fault, whom=whom, on=on) == 200

    def now(self) -> Any:
        """What the panel shows now."""
        with urllib.request.urlopen(f"{self.panel}/frames?page=look", timeout=20) as frames:
            return json.loads(frames.readline().removeprefix(b"data: "))["now"]

    def picture(self) -> Any:
        """What the screen shows; nothing where it does not answer."""
        try:
            with urllib.request.urlopen(f"{self.screen}/api/v1/picture", timeout=5) as answer:
                return json.load(answer)
        except OSError:
            return {}

    def truck(self) -> Any:
        """The first truck on the screen."""
        return next(iter(self.picture().get("trucks", ())), {})

    def incidents(self) -> list[tuple[str, str]]:
        """Reason and workflow of each incident on the screen, the first one first."""
        rows = sorted(self.picture().get("incidents", ()), key=lambda row: row["raised_at"])
        return [(row["reason"], row["workflow"]) for row in rows]

    def in_room(self, room: str, waste: str, what: str) -> int | None:
        """`count` or `grams` of a kind that the bridge knows in a room."""
        rows = [row for row in self.picture().get("rooms", ()) if row["room"] == room]
        bins = rows[0]["bins"].get(waste) if rows else None
        return None if bins is None else bins[what]

    def stop(self, number: int) -> str:
        """End it; the rest of what it said."""
        if self.child.poll() is None:
            self.child.send_signal(number)
        return self.child.communicate(timeout=60)[0]
