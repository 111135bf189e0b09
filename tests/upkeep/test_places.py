"""Every file and folder that a configuration names is backed up, or left out on purpose."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

from pydantic import BaseModel

from broker.config import BrokerConfig
from broker.upkeep.backup.places import RECORD, places
from tests.support.upkeep.office import Office

LEFT_OUT = {"backup.folder", "outside.receiver.folder"}  # the latter: what a receiver was told
WHO_IS_OUT = {"embedded.ca_file.crl.pem", "embedded.ca_file.out.txt"}  # beside a file that is named


def kinds_in(annotation: object) -> Iterator[object]:
    """A type and those within it, as the Path of an optional one that is annotated."""
    yield annotation
    for inner in get_args(annotation):
        yield from kinds_in(inner)


def files_of(section: type[BaseModel], name: str = "") -> Iterator[str]:
    """Each key below a section that names a file or a folder."""
    for key, field in section.model_fields.items():
        kinds = [kind for kind in kinds_in(field.annotation) if isinstance(kind, type)]
        inner = [kind for kind in kinds if issubclass(kind, BaseModel)]
        if inner:
            yield from files_of(inner[0], f"{name}{key}.")
        elif any(issubclass(kind, Path) for kind in kinds):
            yield f"{name}{key}"


def test_each_file_and_folder_of_the_configuration_has_a_place(tmp_path: Path) -> None:
    """A new key that names one is not forgotten in the backup."""
    named = set(files_of(BrokerConfig)) - LEFT_OUT
    single = [key for key in named if key.count(".") == 1]
    sections: dict[str, list[str]] = {}
    for key in single:
        section, field = key.split(".")
        sections.setdefault(section, []).append(f'{field} = "{section}-{field}"\n')
    sections.setdefault("city", []).append('url = "postgresql://bridge@127.0.0.1/zhanpai"\n')
    text = "".join(f"[{section}]\n{''.join(lines)}" for section, lines in sorted(sections.items()))
    office = Office(tmp_path, "")
    office.config_path.write_text(
        f'[area]\nplan = "plan.zip"\n{text}[[outside.receiver]]\nname = "one"\nurl = "https://a.example/b"\n'
        'secret_file = "secret"\n'
    )
    found = {place.key.replace("receiver.one", "receiver") for place in places(office.config)}
    assert found - {"area.plan", RECORD} == named | WHO_IS_OUT
    assert "area.plan" in found


def test_who_is_thrown_out_is_out_after_a_restore_too(tmp_path: Path) -> None:
    """The authority, its revocations and who is out by name come back without --secrets."""
    office = Office(
        tmp_path / "office",
        '[embedded]\ncert_file = "keys/broker.pem"\nkey_file = "keys/broker.key"\nca_file = "keys/ca.pem"\n',
    )
    names = ("broker.pem", "ca.pem", "crl.pem", "out.txt")
    (office.folder / "keys").mkdir()
    for name in (*names, "broker.key"):
        (office.folder / "keys" / name).write_text(f"this is {name}")
    office.stores(1, 2)
    assert office.does("backup", str(tmp_path / "all")) == 0
    shutil.rmtree(office.folder)
    assert office.does("restore", str(tmp_path / "all")) == 0
    there = {path.name: path.read_text() for path in (office.folder / "keys").iterdir()}
    assert there == {name: f"this is {name}" for name in names}
