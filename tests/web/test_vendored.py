"""Others' modules that pages load: each as it was published, with its licence, and nothing from elsewhere."""

import hashlib
import json
import re
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

from broker.web.pages.rendering import STATIC

VENDORED = STATIC / "vendored"
SOURCES: list[dict[str, str]] = json.loads((VENDORED / "sources.json").read_bytes())
PACKAGES = sorted({row["package"] for row in SOURCES})
ASKS_S = 60


def test_each_file_is_listed_with_its_hash_and_no_file_more() -> None:
    """Also that each package's licence lies beside it."""
    found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in VENDORED.iterdir()}
    found.pop("sources.json")
    assert found == {row["file"]: row["sha256"] for row in SOURCES}
    licensed = {row["package"] for row in SOURCES if row["file"].endswith("-LICENSE.txt")}
    assert licensed == set(PACKAGES)
    assert all(row["licence"] for row in SOURCES)


def test_our_modules_ask_nobody_else() -> None:
    """Every import and every address in a page of ours is of this server."""
    pages = [path for path in STATIC.rglob("*") if path.suffix in {".js", ".html", ".css"}]
    ours = [path for path in pages if VENDORED not in path.parents]
    assert len(ours) > 10
    for path in ours:
        text = path.read_text(encoding="utf-8").replace("http://www.w3.org/", "")
        assert not re.search(r'https?://|@import|url\((?!["\']?/static)', text), path


@pytest.mark.real
@pytest.mark.parametrize("package", PACKAGES)
def test_each_file_is_the_one_of_its_npm_package(package: str, tmp_path: Path) -> None:
    """The package is fetched from the registry and compared, byte for byte."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("npm is not installed: the files are held to their SHA-256 only")
    packed = subprocess.run(
        [npm, "pack", package, "--pack-destination", tmp_path], cwd=tmp_path, capture_output=True, text=True,
        timeout=ASKS_S, check=False,
    )  # fmt: skip
    if packed.returncode:
        pytest.skip(f"the npm registry cannot be reached: {packed.stderr.strip()[-200:]}")
    (archive,) = tmp_path.glob("*.tgz")
    with tarfile.open(archive) as published:
        for row in (row for row in SOURCES if row["package"] == package):
            member = published.extractfile(f"package/{row['path']}")
            assert member is not None and member.read() == (VENDORED / row["file"]).read_bytes(), row["file"]
