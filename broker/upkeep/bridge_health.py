"""What a bridge of this machine says of itself, if one runs: its /healthz, which needs nobody's account."""

import http.client
import json
import ssl
import urllib.error
import urllib.request
from typing import Any

from broker.config import WebConfig

WAIT_S = 5.0


def bridge_health(web: WebConfig) -> dict[str, Any] | None:
    """It, as JSON; None where no bridge answers."""
    if not web.enabled or not web.port:
        return None
    context = None
    if web.cert_file is not None:
        context = ssl.create_default_context()  # whoever signed it: nothing is told there, and nothing believed
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with urllib.request.urlopen(web.page("/healthz"), timeout=WAIT_S, context=context) as answer:  # noqa: S310
            said = json.load(answer)
    except urllib.error.HTTPError as why:  # 503: it says that it is not well
        try:
            said = json.load(why)
        except (OSError, ValueError):
            return None
    except (OSError, ValueError, http.client.HTTPException):
        return None
    return said if isinstance(said, dict) and "reasons" in said and "fw" in said else None
