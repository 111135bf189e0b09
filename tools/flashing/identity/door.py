"""Bringing the broker what it lets people in by and shows of itself, and the word to read that anew.

    [door]   folder = "/etc/mosquitto/zhanpai"   where ca.pem of the broker's machine lies; left out: [keys] folder
             ssh = "office@broker.xh.example"    left out: this computer
             reload = "sudo systemctl reload mosquitto"    left out: the bridge's own broker looks by itself
"""

from __future__ import annotations

import io
import shlex
import subprocess
import tarfile
from collections.abc import Sequence
from pathlib import Path

from broker.mqtt.own_broker.revoked import CRL, OUT
from tools.flashing.errors import FlashError
from tools.flashing.settings import Door

DOOR_S = 20.0
SSH = ("ssh", "-o", "BatchMode=yes", "-o", "ConnectTimeout=5")
# Each file is old or new; the names first, so that whoever reads the numbers has them too.
TAKE = "cd {folder} && tar -xf - && mv -f {out}.new {out} && mv -f {crl}.new {crl}"
# What is not there is not asked for there; who may read what takes its place may read it.
TAKE_PAIR = (
    " && if [ -e {pem} ]; then cp -p --attributes-only {pem} {pem}.new && cp -p --attributes-only {key} {key}.new && "
    "mv -f {key}.new {key} && mv -f {pem}.new {pem}; else rm -f {pem}.new {key}.new; fi"
)


def bring(keys: Path, door: Door, pairs: Sequence[str] = ()) -> None:
    """The two lists of `keys` are at the broker when this returns, and it was told; raises FlashError.

    `pairs` are certificates that take the place of what is there under their names, each with its key.
    """
    folder = door.folder or keys
    if door.ssh or folder.resolve() != keys.resolve():
        take = TAKE.format(folder=shlex.quote(str(folder)), out=OUT, crl=CRL)
        keyed = [(name, Path(name).with_suffix(".key").name) for name in pairs]
        take += "".join(TAKE_PAIR.format(pem=pem, key=key) for pem, key in keyed)
        packed = _packed(keys, (CRL, OUT, *(name for pair in keyed for name in pair)))
        _run((*SSH, door.ssh, take) if door.ssh else ("sh", "-c", take), packed)
    if door.reload:
        _run((*SSH, door.ssh, door.reload) if door.ssh else tuple(shlex.split(door.reload)), b"")


def _packed(keys: Path, names: Sequence[str]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name in names:
            data = (keys / name).read_bytes()
            entry = tarfile.TarInfo(f"{name}.new")
            entry.size, entry.mode = len(data), 0o600 if name.endswith(".key") else 0o644
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
