"""The bridge that runs, as a command beside it asks it: over its own HTTP interface."""

import http.client
import json
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from broker.config import ConfigError, read_config

ANSWER_S = 10.0


def url_of(config: Path) -> str:
    """Where the bridge of this configuration answers; raises ConfigError."""
    web = read_config(config).web
    if not web.enabled or not web.port:
        raise ConfigError("the bridge is asked over [web]; set enabled = true and a port there")
    return web.api_url()


def asked(url: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    """The bridge's answer, a list as its `rows`; raises ValueError with its reason, OSError where no bridge answers."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})  # noqa: S310  (our own http)
    try:
        with urllib.request.urlopen(request, timeout=ANSWER_S) as answer:  # noqa: S310
            said = json.load(answer)
    except urllib.error.HTTPError as why:
        raise ValueError(_reason(why)) from why
    except urllib.error.URLError as why:
        raise OSError(f"no bridge answers at {url} ({why.reason}); start it, or name its --config") from why
    except (http.client.HTTPException, OSError) as why:
        raise OSError(f"the answer at {url} broke off ({why or type(why).__name__})") from why
    except ValueError:
        said = None
    if body is None and isinstance(said, list) and all(isinstance(row, dict) for row in said):
        return {"rows": said}
    if body is not None and isinstance(said, dict) and isinstance(said.get("at"), int):
        return said
    raise ValueError(f"what answers at {url} is no bridge; name its --config")


def _reason(refused: urllib.error.HTTPError) -> str:
    """Why the bridge refused, in its own words where it has any."""
    try:
        said = json.load(refused)
    except (ValueError, OSError, http.client.HTTPException):
        said = None
    detail = said.get("detail") if isinstance(said, dict) else None
    if isinstance(detail, list):  # values that are none: each by its name
        detail = "; ".join(f"{row['loc'][-1]}: {row['msg']}" for row in detail)
    return str(detail or f"{refused.code} {refused.reason}")
