"""The JSON Schemas of both register files, as committed under schemas/ for whoever reads the files elsewhere."""

import json
from pathlib import Path
from typing import Any

from broker.durable_file import Disk, write_durably
from broker.registers.folder import ELECTIONS, SAFETY
from broker.registers.validation import Kind

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema_of(kind: Kind[Any]) -> dict[str, Any]:
    """The schema of one register."""
    schema = kind.model.model_json_schema()
    return {"$schema": DIALECT, "$id": f"urn:zhanpai:schema:{kind.name}:1", **schema}


def schema_files() -> dict[str, bytes]:
    """File name to content, for both registers."""
    found = {}
    for kind in (ELECTIONS, SAFETY):
        text = json.dumps(schema_of(kind), ensure_ascii=False, indent=2, sort_keys=True)
        found[f"{kind.name}.schema.json"] = f"{text}\n".encode()
    return found


def write_schemas(folder: Path) -> list[Path]:
    """Write both files; returns their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in schema_files().items():
        write_durably(Disk(), folder / name, content)
    paths = [folder / name for name in schema_files()]
    for path in paths:
        path.chmod(0o644)
    return paths
