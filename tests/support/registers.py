"""Registers in a folder, with the access log that the product hands them."""

from pathlib import Path
from typing import Any

from broker.people.access_log import open_access_log
from broker.registers.folder import Registers
from broker.registers.folder import open_registers as open_with


def open_registers(folder: Path, **options: Any) -> Registers:
    """As the server opens them; `now` sets the log's clock too."""
    clock = {"now": options["now"]} if "now" in options else {}
    return open_with(folder, access=open_access_log(folder, **clock), **options)
