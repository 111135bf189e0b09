"""A child process of a live run: its lines are read, it dies with us, and it is gone after `stop`."""

import os
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

from broker.mqtt.own_broker.child import die_with_parent, how_ended

REPO = Path(__file__).resolve().parents[3]
STOP_S = 4.0


class Child:
    """`python -m module arguments...`; each line of its standard output goes to `heard` in a thread of its own."""

    def __init__(self, module: str, arguments: Sequence[str], heard: Callable[[str], None]) -> None:
        self.name = module
        self.errors: deque[str] = deque(maxlen=50)
        self._speaking = threading.Lock()
        environment = {**os.environ, "PYTHONPATH": str(REPO), "PYTHONUNBUFFERED": "1"}
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments], cwd=REPO, env=environment, text=True, errors="replace",
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            start_new_session=True, preexec_fn=die_with_parent,
        )  # fmt: skip
        self._threads = [
            threading.Thread(target=self._read, args=(self._process.stdout, heard), daemon=True),
            threading.Thread(target=self._read, args=(self._process.stderr, self.errors.append), daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether it still runs."""
        return self._process.poll() is None

    def ended(self) -> str | None:
        """How it ended, and the last of what it said; None while it runs."""
        code = self._process.poll()
        if code is None:
            return None
        return f"ended ({how_ended(code)}): {' | '.join(list(self.errors)[-5:]) or 'it said nothing'}"

    def say(self, line: str) -> None:
        """Write one line to its standard input; a child that is gone does not hear it."""
        if self._process.stdin is not None and self.running:
            try:
                with self._speaking:
                    self._process.stdin.write(line + "\n")
                    self._process.stdin.flush()
            except OSError:
                self.errors.append(f"did not hear {line!r}: its standard input is closed")

    def freeze(self, frozen: bool) -> None:
        """Stop it where it stands, or let it go on; one that is gone does neither."""
        if self.running:
            os.kill(self._process.pid, signal.SIGSTOP if frozen else signal.SIGCONT)

    def ask_to_stop(self) -> None:
        """Ask it to end, and do not wait: many end at once."""
        if self.running:
            self.freeze(False)
            self._process.terminate()

    def stop(self) -> None:
        """Ask it to end, and make sure."""
        if self.running:
            self.freeze(False)
            self._process.terminate()
            try:
                self._process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self.errors.append("did not end in time and was killed")
        self.kill()

    def kill(self) -> None:
        """kill -9 of it and of whatever it started."""
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self._process.wait(STOP_S)
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            if pipe is not None:
                try:
                    pipe.close()
                except (OSError, ValueError):  # a reader thread is inside it; it ends with the process
                    pass

    @staticmethod
    def _read(pipe: object, heard: Callable[[str], object]) -> None:
        try:
            for line in pipe:  # type: ignore[attr-defined]
                heard(line.rstrip("\n"))
        except ValueError:  # closed under us: the child is gone
            return
