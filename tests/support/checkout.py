"""A small checkout of this repository, with wheels, as a truck is set up from it."""

import base64
import hashlib
import shutil
import zipfile
from pathlib import Path

from tests.support.flashing import REPO

PACKAGES = {"paho-mqtt": "2.2.0", "pyserial": "3.5"}


def make_wheel(folder: Path, name: str, version: str, tags: str = "py3-none-any") -> Path:
    """A small true wheel with one module."""
    module = name.replace("-", "_")
    info = f"{module}-{version}.dist-info"
    files = {
        f"{module}/__init__.py": b"",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode(),
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: desk\nRoot-Is-Purelib: true\nTag: {tags}\n".encode(),
    }
    record = ""
    for path, data in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        record += f"{path},sha256={digest},{len(data)}\n"
    files[f"{info}/RECORD"] = (record + f"{info}/RECORD,,\n").encode()
    folder.mkdir(parents=True, exist_ok=True)
    wheel = folder / f"{module}-{version}-{tags}.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, data in files.items():
            archive.writestr(zipfile.ZipInfo(path), data)
    return wheel


def a_checkout(folder: Path, wheels: Path) -> Path:
    """A checkout of this repository with a lock file of two small packages, whose wheels lie in `wheels`."""
    repo = folder / "checkout"
    for part in ("firmware", "packaging"):
        shutil.copytree(REPO / part, repo / part, ignore=shutil.ignore_patterns("__pycache__"))
    (repo / "tools/flashing/truck").mkdir(parents=True)
    shutil.copy(REPO / "tools/flashing/truck/boot_settings.py", repo / "tools/flashing/truck")
    lock = ""
    for name, version in PACKAGES.items():
        digest = hashlib.sha256(make_wheel(wheels, name, version).read_bytes()).hexdigest()
        lock += f"{name}=={version} \\\n    --hash=sha256:{digest}\n"
    (repo / "requirements").mkdir()
    (repo / "requirements/truck.txt").write_text(lock)
    return repo
