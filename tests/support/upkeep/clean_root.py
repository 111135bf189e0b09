"""A new root of Debian without a network, and commands that are typed in it."""

import os
import shutil
import subprocess
from pathlib import Path

SUITES = ("bookworm", "trixie")  # the releases that an office may have
MIRROR = "http://deb.debian.org/debian"
# A name space of its own for mounts, processes and the network, in which nothing is but the machine itself.
INSIDE = """
python3 -c '
import fcntl, socket, struct
lo = struct.pack("16sh", b"lo", 1)
fcntl.ioctl(socket.socket(socket.AF_INET, socket.SOCK_DGRAM), 0x8914, lo)' &&
mount --rbind /dev "$0/dev" && mount -t proc proc "$0/proc" && mount -t tmpfs tmpfs "$0/run" &&
exec chroot "$0" env -i HOME=/root LANG=C.UTF-8 PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    DEBIAN_FRONTEND=noninteractive sh -c "$1"
"""


class NoCleanRootError(Exception):
    """There can be no such root here; the text says why."""


class CleanRoot:
    """Debian with python3 and Mosquitto, as a machine of an office has it before anything of ours."""

    def __init__(self, folder: Path, suite: str) -> None:
        """That release, made by mmdebstrap from Debian's registry; raises NoCleanRootError."""
        if os.geteuid() != 0:
            raise NoCleanRootError("only root can make one")
        if shutil.which("mmdebstrap") is None:
            raise NoCleanRootError("no mmdebstrap: apt-get install mmdebstrap")
        self.folder = folder
        argv = ["mmdebstrap", "--quiet", "--variant=minbase", "--include=python3,mosquitto", suite, str(folder), MIRROR]
        made = subprocess.run(argv, capture_output=True, text=True, timeout=1200)
        if made.returncode != 0:
            raise NoCleanRootError(made.stderr[-1000:])

    def types(self, command: str, *, code: int = 0) -> str:
        """What a command says, which ends with this exit code."""
        argv = ["unshare", "--mount", "--pid", "--net", "--fork", "--kill-child", "sh", "-c", INSIDE]
        done = subprocess.run([*argv, str(self.folder), command], capture_output=True, text=True, timeout=600)
        said = done.stdout + done.stderr
        assert done.returncode == code, f"{command}: exit code {done.returncode}: {said}"
        return said

    def installs(self, package: Path) -> str:
        """Take a package in, with nothing but what is in it; what is said."""
        shutil.copy(package, self.folder / "root" / package.name)
        return self.types(f"dpkg -i /root/{package.name}")

    def path(self, name: str) -> Path:
        """A file of it, from outside."""
        return self.folder / name.lstrip("/")
