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
FOR_TESTS = Path(__file__).parents[1] / "support" / "vendored"  # never shipped
SOURCES: dict[Path, list[dict[str, str]]] = {
    folder: json.loads((folder / "sources.json").read_bytes()) for folder in (VENDORED, FOR_TESTS)
}
PACKAGES = sorted({(row["package"], folder) for folder, rows in SOURCES.items() for row in rows})
ASKS_S = 60


@pytest.mark.parametrize("folder", SOURCES, ids=["pages", "tests"])
def test_each_file_is_listed_with_its_hash_and_no_file_more(folder: Path) -> None:
    """Also that each package's licence lies beside it."""
    found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}
    found.pop("sources.json")
    rows = SOURCES[folder]
    assert found == {row["file"]: row["sha256"] for row in rows}
    licensed = {row["package"] for row in rows if row["file"].endswith("-LICENSE.txt")}
    assert licensed == {row["package"] for row in rows}
    assert all(row["licence"] for row in rows)


def test_our_modules_ask_nobody_else() -> None:
    """Every import and every address in a page of ours is of this server."""
    pages = [path for path in STATIC.rglob("*") if path.suffix in {".js", ".html", ".css"}]
    ours = [path for path in pages if VENDORED not in path.parents]
    assert len(ours) > 10
    for path in ours:
        text = path.read_text(encoding="utf-8").replace("http://www.w3.org/", "")
        assert not re.search(r'https?://|@import|url\((?!["\']?/static)', text), path


@pytest.mark.real
@pytest.mark.parametrize(("package", "folder"), PACKAGES, ids=[package for package, _ in PACKAGES])
def test_each_file_is_the_one_of_its_npm_package(package: str, folder: Path, tmp_path: Path) -> None:
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
        for row in (row for row in SOURCES[folder] if row["package"] == package):
            member = published.extractfile(f"package/{row['path']}")
            assert member is not None and member.read() == (folder / row["file"]).read_bytes(), row["file"]
