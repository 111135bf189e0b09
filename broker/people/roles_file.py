"""`roles.toml` of earlier versions: its people become tokens of the same secrets."""

import tomllib
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from broker.people.accounts import Token
from broker.people.errors import Damaged


def read_roles_file(path: Path) -> dict[str, Token]:
    """The tokens of a role file by their ids; raises Damaged, which names file and section."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
        return {name: _token(section) for name, section in content.get("person", {}).items()}
    except OSError as why:
        raise Damaged(f"{path} cannot be read ({why.strerror})") from why
    except ValidationError as why:
        first = why.errors()[0]
        raise Damaged(f"{path} person {'.'.join(str(part) for part in first['loc'])}: {first['msg']}") from why
    except (ValueError, AttributeError) as why:
        raise Damaged(f"{path} is no role file: {why}") from why


def _token(section: Any) -> Token:
    fields = dict(section)
    roles = (fields.pop("role", None),)
    return Token.model_validate({**fields, "roles": roles})
