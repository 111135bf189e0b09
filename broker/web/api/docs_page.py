"""`/docs`: the OpenAPI description as one plain page, without a script from anywhere."""

from html import escape
from typing import Any


def docs_page(openapi: dict[str, Any]) -> str:
    """An HTML page that lists every operation of an OpenAPI 3 document with its parameters and body fields."""
    rows = []
    schemas = openapi.get("components", {}).get("schemas", {})
    for path, operations in openapi["paths"].items():
        for method, operation in operations.items():
            fields = [parameter["name"] for parameter in operation.get("parameters", [])]
            body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
            named = schemas.get(body.get("$ref", "").rsplit("/", 1)[-1], {})
            fields += [f"{name} (body)" for name in named.get("properties", {})]
            rows.append(
                f"<tr><td><code>{escape(method.upper())}</code></td><td><code>{escape(path)}</code></td>"
                f"<td>{escape(operation.get('summary', ''))}</td><td>{escape(', '.join(fields))}</td></tr>"
            )
    info = openapi["info"]
    return (
        "<!doctype html><html lang='en'><meta charset='utf-8'><title>Zhanpai API</title>"
        "<meta name='viewport' content='width=device-width, initial-scale=1'>"
        "<link rel='stylesheet' href='/static/screen.css'>"
        f"<main class='docs'><h1>{escape(info['title'])} API {escape(info['version'])}</h1>"
        "<p>Machine-readable: <a href='/openapi.json'>/openapi.json</a>. Times are integer Unix seconds (UTC).</p>"
        "<table><thead><tr><th>method</th><th>path</th><th>does</th><th>takes</th></tr></thead><tbody>"
        + "".join(rows)
        + "</tbody></table></main></html>"
    )
