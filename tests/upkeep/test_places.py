"""Every file and folder that a configuration names is backed up, or left out on purpose."""

from collections.abc import Iterator
from pathlib import Path
from typing import get_args

from pydantic import BaseModel

from broker.config import BrokerConfig
from broker.upkeep.backup.places import RECORD, places
from tests.support.upkeep.office import Office

LEFT_OUT = {"backup.folder"}  # and what a receiver was told, in a file of its own


def files_of(section: type[BaseModel], name: str = "") -> Iterator[str]:
    """Each key below a section that names a file or a folder."""
    for key, field in section.model_fields.items():
        kinds = [kind for kind in (field.annotation, *get_args(field.annotation)) if isinstance(kind, type)]
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
    assert found - {"area.plan", RECORD} == named | {"outside.receiver.secret_file"}
    assert "area.plan" in found
