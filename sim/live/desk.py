"""The dispatcher's desk of a live run: the status page's own HTTP API, and nothing else."""

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from typing import Any

POLL_S = 0.3
TIMEOUT_S = 3.0
WHO = "dispatcher"


class Desk:
    """Polls the picture in a thread; actions are POSTs."""

    def __init__(self) -> None:
        self.base = ""
        self.picture: Mapping[str, Any] = {}
        self.refusals: list[str] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._poll, name="desk", daemon=True)

    def open(self, port: int) -> None:
        """Look at the screen on this port from now on."""
        self.base = f"http://127.0.0.1:{port}"
        if not self._thread.is_alive():
            self._thread.start()

    def close(self) -> None:
        """Look no more."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(TIMEOUT_S + 1)

    def open_incidents(self) -> Sequence[Mapping[str, Any]]:
        """The incidents the screen shows as open."""
        return [row for row in self.picture.get("incidents", ()) if row["workflow"] not in ("closed", "withdrawn")]

    def acknowledge(self, truck: str, incident_id: str) -> bool:
        """I have seen it."""
        return self._post(truck, incident_id, "acknowledge", {})

    def decide(self, truck: str, incident_id: str, decision: str, other: str | None) -> bool:
        """This is what is to be done; `other` names the truck that takes over, where one does."""
        return self._post(truck, incident_id, "decide", {"decision": decision, **({"truck": other} if other else {})})

    def resolve(self, truck: str, incident_id: str) -> bool:
        """It is over."""
        return self._post(truck, incident_id, "resolve", {})

    def _post(self, truck: str, incident_id: str, action: str, body: Mapping[str, Any]) -> bool:
        request = urllib.request.Request(  # noqa: S310 - our own server on the loopback
            f"{self.base}/api/v1/incidents/{incident_id}/{action}?truck={truck}",
            data=json.dumps({"who": WHO, **body}).encode(),
            headers={"Content-Type": "application/json"},
            method="POST",
        )
        try:
            urllib.request.urlopen(request, timeout=TIMEOUT_S).close()  # noqa: S310
        except (OSError, urllib.error.HTTPError) as why:
            said = why.read().decode(errors="replace")[:200] if isinstance(why, urllib.error.HTTPError) else ""
            self.refusals.append(f"{action} {incident_id}: {why} {said}")
            return False
        return True

    def _poll(self) -> None:
        while not self._stop.wait(POLL_S):
            try:
                with urllib.request.urlopen(f"{self.base}/api/v1/picture", timeout=TIMEOUT_S) as answer:  # noqa: S310
                    self.picture = json.load(answer)
            except (OSError, ValueError):  # the bridge may be down on purpose; the picture grows old and says so
                continue
