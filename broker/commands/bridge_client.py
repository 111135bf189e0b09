"""Commands beside a running bridge: one process has the records (TinyDB), so the others ask its API.

The bridge is found through the configuration: `[store] url` must be the records in question, `[web]` says where it
answers.
"""

import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from broker.store import InUse, StoreError, Unavailable

TIMEOUT_S = 60.0
_ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - where it listens; asked is this machine


class Asked:
    """The bridge that has the records at `where` open."""

    def __init__(self, config_path: Path, where: str, why: InUse) -> None:
        """Raises `why`, with what to do about it, if no bridge that can be asked is configured."""
        from broker.config import ConfigError, read_config

        try:
            config = read_config(config_path)
        except ConfigError:
            raise InUse(f"{why}; to ask it instead, name its configuration with --config") from why
        if not config.web.enabled or Path(config.store.url).resolve() != Path(where).resolve():
            raise why
        host = _ANY_ADDRESS.get(config.web.host, config.web.host)
        self._base = f"http://{f'[{host}]' if ':' in host else host}:{config.web.port}"
        self._why = why

    def get(self, path: str, query: Mapping[str, str]) -> str:
        """The text at this path."""
        return self._answer(f"{path}?{urllib.parse.urlencode(query)}", None)

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """What the API answers to this body."""
        return json.loads(self._answer(path, json.dumps(body).encode()))

    def _answer(self, path: str, body: bytes | None) -> str:
        request = urllib.request.Request(self._base + path, body, {"Content-Type": "application/json"})  # noqa: S310
        # A proxy of the environment is for the world outside.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=TIMEOUT_S) as answer:
                return str(answer.read().decode())
        except urllib.error.HTTPError as error:
            raise StoreError(f"the bridge at {self._base} refuses: {_detail(error.read())}") from error
        except OSError as error:
            raise Unavailable(f"{self._why}; nor does it answer at {self._base}: {error}") from error


def _detail(body: bytes) -> str:
    try:
        detail = json.loads(body)["detail"]
    except (ValueError, LookupError, TypeError):
        return body.decode(errors="replace")[:300]
    return detail if isinstance(detail, str) else json.dumps(detail, ensure_ascii=False)
