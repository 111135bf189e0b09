"""The bridge that runs, as a command beside it asks it: over its own HTTP interface."""

import http.client
import json
import os
import ssl
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import quote

from broker.commands.who import system_user
from broker.config import BrokerConfig, ConfigError, WebConfig, read_config
from broker.people.people import SHELL_TOKEN

ANSWER_S = 10.0
WHO_HEADER = "Zhanpai-Who"
TOKEN_VARIABLE = "ZHANPAI_TOKEN"  # noqa: S105  (the name of a variable)


class RunningBridge:
    """Whom a command asks, and in whose name: that of --who, else of the system's user."""

    def __init__(self, web: WebConfig, token: str, who: str | None = None) -> None:
        self.url, self._token, self.who = web.api_url(), token, who or system_user()
        self._context: ssl.SSLContext | None = None
        if web.cert_file is not None:  # its own certificate, whoever signed it and for whichever name
            self._context = ssl.create_default_context(cafile=str(web.cert_file))
            self._context.check_hostname = False
            self._context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN

    def asked(self, path: str, body: dict[str, Any] | None = None, wait_s: float = ANSWER_S) -> dict[str, Any]:
        """The answer, a list as its `rows`; raises ValueError with its reason, OSError where no bridge answers."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json", WHO_HEADER: quote(self.who)}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        url = f"{self.url}{path}"
        request = urllib.request.Request(url, data, headers)  # noqa: S310  (our own http)
        said = _answer(request, wait_s, self._context)
        if body is None and isinstance(said, list) and all(isinstance(row, dict) for row in said):
            return {"rows": said}
        if isinstance(said, dict) and isinstance(said.get("at"), int):
            return said
        raise ValueError(f"what answers at {url} is no bridge; name its --config")


def bridge_of(config: Path, who: str | None = None) -> RunningBridge:
    """The bridge of this configuration; raises ConfigError, also where the token it left for us cannot be read."""
    found = read_config(config)
    if not found.web.enabled or not found.web.port:
        raise ConfigError("the bridge is asked over [web]; set enabled = true and a port there")
    return RunningBridge(found.web, shell_token(found), who)


def shell_token(config: BrokerConfig) -> str:
    """What opens the running bridge to commands of this machine; empty where it left nothing. Raises ConfigError."""
    if given := os.environ.get(TOKEN_VARIABLE):
        return given
    path = config.people.folder / SHELL_TOKEN
    try:
        return path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return ""
    except (OSError, ValueError) as why:
        said = why.strerror if isinstance(why, OSError) else "is no token"
        raise ConfigError(
            f"[people] folder: {path}: {said}; run this as the bridge's own user, or put a token into {TOKEN_VARIABLE}"
        ) from why


def _answer(request: urllib.request.Request, wait_s: float, context: ssl.SSLContext | None) -> Any:
    url = request.full_url
    try:
        with urllib.request.urlopen(request, timeout=wait_s, context=context) as answer:  # noqa: S310
            said = json.load(answer)
    except urllib.error.HTTPError as why:
        raise ValueError(_reason(why)) from why
    except urllib.error.URLError as why:
        raise OSError(f"no bridge answers at {url} ({why.reason}); start it, or name its --config") from why
    except (http.client.HTTPException, OSError) as why:
        raise OSError(f"the answer at {url} broke off ({why or type(why).__name__})") from why
    except ValueError:
        said = None
    return said


def _reason(refused: urllib.error.HTTPError) -> str:
    """Why the bridge refused, in its own words where it has any."""
    try:
        said = json.load(refused)
    except (ValueError, OSError, http.client.HTTPException):
        said = None
    detail = said.get("detail") if isinstance(said, dict) else None
    return str(detail or f"{refused.code} {refused.reason}")
