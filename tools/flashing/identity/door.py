"""Bringing the broker what it lets people in by: its two lists, and the word to read them anew.

    [door]   folder = "/etc/mosquitto/zhanpai"   where ca.pem of the broker's machine lies; left out: [keys] folder
             ssh = "office@broker.xh.example"    left out: this computer
             reload = "sudo systemctl reload mosquitto"    left out: the bridge's own broker looks by itself
"""

from __future__ import annotations

import io
import shlex
import subprocess
import tarfile
from pathlib import Path

from broker.mqtt.own_broker.revoked import CRL, OUT
from tools.flashing.errors import FlashError
from tools.flashing.settings import Door

DOOR_S = 20.0
SSH = ("ssh", "-o", "BatchMode=yes", "-o", "ConnectTimeout=5")
# Each file is old or new; the names first, so that whoever reads the numbers has them too.
TAKE = "cd {folder} && tar -xf - && mv -f {out}.new {out} && mv -f {crl}.new {crl}"


def bring(keys: Path, door: Door) -> None:
    """The two lists of `keys` are at the broker when this returns, and it was told; raises FlashError."""
    folder = door.folder or keys
    if door.ssh or folder.resolve() != keys.resolve():
        take = TAKE.format(folder=shlex.quote(str(folder)), out=OUT, crl=CRL)
        _run((*SSH, door.ssh, take) if door.ssh else ("sh", "-c", take), _packed(keys))
    if door.reload:
        _run((*SSH, door.ssh, door.reload) if door.ssh else tuple(shlex.split(door.reload)), b"")


def _packed(keys: Path) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name in (CRL, OUT):
            data = (keys / name).read_bytes()
            entry = tarfile.TarInfo(f"{name}.new")
            entry.size, entry.mode = len(data), 0o644
            tar.addfile(entry, io.BytesIO(data))
    return packed.getvalue()


def _run(command: tuple[str, ...], given: bytes) -> None:
    try:
        done = subprocess.run(command, input=given, capture_output=True, timeout=DOOR_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise FlashError("door", what=f"{command[0]}: {error}") from error
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise FlashError("door", what=f"{' '.join(command[-1:])}: {said[-1] if said else 'failed'}")
