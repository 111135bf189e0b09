"""`/docs`: the OpenAPI description as one plain page, without a script from anywhere."""

from typing import Any

from broker.web.door.rights import RIGHTS, who_may
from broker.web.pages.rendering import rendered


def api_docs(openapi: dict[str, Any]) -> str:
    """An HTML page that lists every operation of an OpenAPI 3 document with its parameters, body fields and who may."""
    operations = []
    may = {right.route: who_may(right) for right in RIGHTS}
    schemas = openapi.get("components", {}).get("schemas", {})
    for path, methods in openapi["paths"].items():
        for method, operation in methods.items():
            fields = [parameter["name"] for parameter in operation.get("parameters", [])]
            body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
            named = schemas.get(body.get("$ref", "").rsplit("/", 1)[-1], {})
            fields += [f"{name} (body)" for name in named.get("properties", {})]
            does = operation.get("summary", "")
            who = may[f"{method.upper()} {path}"]
            row = {"method": method.upper(), "path": path, "does": does, "takes": ", ".join(fields), "who": who}
            operations.append(row)
    return rendered("api_docs.html", info=openapi["info"], operations=operations)
