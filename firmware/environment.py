"""The environment of a command that somebody typed: the Python that runs it and the packages it needs.

    if __name__ == "__main__":
        environment.enter(*environment.SERVER)      # before anything is imported that an old Python could not read

Standard library only, and nothing that an old Python could not read: this is what tells it that it is too old.
"""

from __future__ import annotations

import atexit
import importlib.util
import os
import select
import shlex
import sys
from pathlib import Path

OLDEST = (3, 11)
INSIDE = Path(__file__).resolve().parents[1] / ".venv/bin/python"
NOT_HERE = 127  # as a shell says it of a command that it does not find
# The modules of requirements/truck.in and requirements/broker.in.
TRUCK = ("gpiozero", "paho", "pynmea2", "serial")
SERVER = (
    "argon2",
    "fastapi",
    "google.protobuf",
    "google.transit",
    "jinja2",
    "limits",
    "msgspec",
    "openpyxl",
    "orjson",
    "paho",
    "prometheus_client",
    "psycopg",
    "pydantic",
    "python_multipart",
    "rich",
    "segno",
    "standardwebhooks",
    "tinydb",
    "uvicorn",
)


def enter(*modules: str) -> None:
    """Go on in `.venv` if this is the system's Python; else end with one line if it is too old or wants a module.

    From then on a command whose reader has seen enough (`| head`) ends without a word.
    """
    # Who chose an environment keeps it: on a truck, in a container, for another Python.
    if sys.prefix == sys.base_prefix and sys.executable != str(INSIDE) and os.access(INSIDE, os.X_OK):
        os.execv(INSIDE, [str(INSIDE), *_typed()])  # noqa: S606
    if sys.version_info < OLDEST:
        _end(f"Python {OLDEST[0]}.{OLDEST[1]} or later, and this is {sys.version_info[0]}.{sys.version_info[1]}")
    need(*modules)
    end_with_the_reader()


def need(*modules: str) -> None:
    """End with one line if a module is not here."""
    missing = [module for module in modules if not _is_here(module)]
    if missing:
        _end(missing[0] + (f" and {len(missing) - 1} more packages" if len(missing) > 1 else ""))


def end_with_the_reader() -> None:
    """What is printed to nobody is no fault of the command's, wherever in it that happens or after its end."""
    usual = sys.excepthook

    def hook(kind, error, trace):  # type: ignore[no-untyped-def]  # as sys.excepthook has it
        if not (issubclass(kind, BrokenPipeError) and _reader_is_gone()):
            usual(kind, error, trace)

    sys.excepthook = hook
    atexit.register(_say_the_rest)


def _say_the_rest() -> None:
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _reader_is_gone()
    except (AttributeError, OSError, ValueError):
        pass  # there is none, or the interpreter will say why


def _reader_is_gone() -> bool:
    """Whether nobody reads what is printed any more; the rest of it then goes nowhere."""
    is_gone = False
    for number in (1, 2):
        poll = select.poll()
        poll.register(number, select.POLLOUT)
        if any(seen & select.POLLERR for _, seen in poll.poll(0)):
            os.dup2(os.open(os.devnull, os.O_WRONLY), number)
            is_gone = True
    return is_gone


def _typed() -> list[str]:
    """What was typed after the interpreter's name."""
    spec = sys.modules["__main__"].__spec__
    if spec is None:
        return list(sys.argv)
    name = spec.name
    return ["-m", name[: -len(".__main__")] if name.endswith(".__main__") else name, *sys.argv[1:]]


def _is_here(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # what it is a part of is not here either
        return False


def _end(why: str) -> None:
    command = " ".join(shlex.quote(word) for word in [os.path.relpath(INSIDE), *_typed()])
    sys.stderr.write(f"zhanpai: this needs {why}; type `make setup`, then `{command}`\n")
    sys.exit(NOT_HERE)
