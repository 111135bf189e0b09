"""What answers look like, field by field: told in OpenAPI with an example, and held against real answers in the tests.

Nothing is validated on the way out: what is served is made once, by orjson, from what is there.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict

DEEDS = ("post", "put", "patch", "delete")
KEY: dict[str, Any] = {
    "name": "Idempotency-Key", "in": "header", "required": False,
    "description": "names this deed: sent again within a day it is done once, and answered as the first time",
    "schema": {"type": "string", "pattern": "^[!-~]{1,100}$"},
}  # fmt: skip
EXAMPLES: dict[str, Any] = json.loads((Path(__file__).parent / "examples.json").read_bytes())
"""By the name of the form; each was an answer of the demo area."""


class Row(BaseModel):
    """A part of an answer."""

    model_config = ConfigDict(extra="forbid")


def told(row: Any, **others: Any) -> dict[str, Any]:
    """What a route says that it answers with; `others` are its other media types, by name."""
    found: dict[str, Any] = {"model": row}
    if others:
        found["content"] = others
    return {"response_model": None, "responses": {200: found}}


def with_examples(app: FastAPI) -> FastAPI:
    """The application whose OpenAPI has them beside the forms, and the key that each deed takes."""
    plain: Callable[[], dict[str, Any]] = app.openapi

    def openapi() -> dict[str, Any]:
        made = plain()
        for name, form in made.get("components", {}).get("schemas", {}).items():
            if name in EXAMPLES:
                form["examples"] = [EXAMPLES[name]]
        for path, methods in made["paths"].items():
            for method in DEEDS if path.startswith("/api/") else ():
                if method in methods and KEY not in methods[method].setdefault("parameters", []):
                    methods[method]["parameters"].append(KEY)
        return made

    app.openapi = openapi  # type: ignore[method-assign]
    return app
