"""The dispatcher of a live run: works through the HTTP API of the screen, and nothing else."""

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from typing import Any

from broker.rules.dispatch.actions import ANSWER_DEEDS
from sim.judging.sentence import Term, said
from sim.world.devices import asked_in

POLL_S = 0.3
TIMEOUT_S = 3.0
WHO = "the scenario's dispatcher"


class ApiDispatcher:
    """Polls the picture in a thread; actions are POSTs."""

    def __init__(self, token: str) -> None:
        self._token = {"Authorization": f"Bearer {token}"}
        self.base = ""
        self.picture: Mapping[str, Any] = {}
        self.refusals: list[str] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._poll, name="dispatcher", daemon=True)

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
        return self._incident(truck, incident_id, "acknowledge", {})

    def decide(self, truck: str, incident_id: str, decision: str, other: str | None) -> bool:
        """This is what is to be done; `other` names the truck that takes over, where one does."""
        body = {"decision": decision, **({"truck": other} if other else {})}
        return self._incident(truck, incident_id, "decide", body)

    def answer_for(self, truck: str, incident_id: str, addressee: str, says: str, until_at: int | None) -> bool:
        """Who is asked about an incident says so."""
        deed = next(deed for deed, answer in ANSWER_DEEDS.items() if answer == says)
        body = {} if until_at is None else {"until_at": until_at}
        return self._incident(truck, incident_id, f"answers/{addressee}/{deed}", body)

    def resolve(self, truck: str, incident_id: str) -> bool:
        """It is over."""
        return self._incident(truck, incident_id, "resolve", {})

    def questions(self) -> Sequence[tuple[str, str, int]]:
        """The visits of which the screen asks whether they were made."""
        return asked_in(self.picture.get("attention", ()))

    def answer(self, visit: tuple[str, str, int], served: bool, reason: str = "other") -> bool:
        """It was served after all, or it is to be skipped."""
        run_id, room, number = visit
        path = f"runs/{run_id}/visits/{room}/{number}/"
        return self._post(path + "serve", {}) if served else self._post(path + "skip", {"reason": reason})

    def answer_alarm(self, word: str, part: str, deed: str, shelf_s: int) -> bool:
        """See, shelve (for so long), unshelve, out-of-service or back each alarm of a word whose subject has a part."""
        rows = self.picture.get("alarms", ())
        meant = [row["alarm_id"] for row in rows if row["word"] == word and part in row["about"]]
        body = {"shelf_s": shelf_s} if deed == "shelve" else {}
        return bool(meant) and all(self._post(f"alarms/{one}/{deed}", body) for one in meant)

    def say_full(self, truck: str) -> bool:
        """Its crew says that it takes no more."""
        mine = (row["run_id"] for row in self.picture.get("runs", ()) if row["truck"] == truck and row["active"])
        run_id = next(mine, None)
        return run_id is not None and self._post(f"runs/{run_id}/full", {})

    def close_road(self, room: str, other_room: str | None, until_at: int) -> bool:
        """Nobody gets to a room, or from it to another, until then."""
        return self._post("closures", {"room": room, "other_room": other_room, "until_at": until_at})

    def book(self, pile: str, truck: str, from_at: int, litres: int) -> str | None:
        """A property holds a window of a truck and books it; the booking's id, None where it was refused."""
        held = self._sent("bookings/holds", {"pile": pile, "truck": truck, "from_at": from_at, "litres": litres})
        if held is None:
            return None
        name = str(held["booking_id"])
        return name if self._post(f"bookings/{name}/book", {"version": held["version"]}) else None

    def accept(self, booking: str) -> bool:
        """The crew of the truck says yes."""
        return self._post(f"bookings/{booking}/accept", {})

    def say_of_booking(self, booking: str, deed: str, reason: str | None, text: str | None) -> bool:
        """The crew declines it or says that it came in vain, for a `reason`; the property disputes, and is answered."""
        said_with = {"reason": reason} if reason else {"text": text}
        return self._post(f"bookings/{booking}/{deed}", said_with)

    def loaded(self, booking: str, litres: int) -> bool:
        """The crew says what it loaded."""
        return self._post(f"bookings/{booking}/loaded", {"litres": litres})

    def say_of_case(self, kind: str, room: str, deed: str, text: str | None) -> bool:
        """The newest case of a kind at a room is opened, handed over, taken back or closed; enforcement answers it."""
        found = self._sent("cases/suggestions" if deed == "open" else "cases", None) or []
        case = next((one for one in found if (one["kind"], one["room"]) == (kind, room)), None)
        if case is None:
            did = Term("acts", deed)
            self.refusals.append(said("notes", "refused", did=did, why=f"there is no {kind} at {room} to do it to"))
            return False
        if deed == "open":
            place = {name: case[name] for name in ("kind", "estate", "room", "waste")}
            return self._post("cases", place | ({"note": text} if text else {}))
        return self._post(f"cases/{case['case_id']}/{deed}", {"text": text} if text else {})

    def _incident(self, truck: str, incident_id: str, action: str, body: Mapping[str, Any]) -> bool:
        return self._post(f"incidents/{incident_id}/{action}?truck={truck}", body)

    def _post(self, path: str, body: Mapping[str, Any]) -> bool:
        return self._sent(path, body) is not None

    def _sent(self, path: str, body: Mapping[str, Any] | None) -> Any:
        """The answer; None where it was not taken. Without a body it is a look."""
        request = urllib.request.Request(  # noqa: S310 - our own server on the loopback
            f"{self.base}/api/v1/{path}",
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json", **self._token},
        )
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310
                return json.load(answer)
        except (OSError, urllib.error.HTTPError) as why:
            more = why.read().decode(errors="replace")[:200] if isinstance(why, urllib.error.HTTPError) else ""
            did = Term("acts", path.partition("?")[0].rpartition("/")[2])
            self.refusals.append(said("notes", "refused", did=did, why=f"{path}: {why} {more}"))
            return None

    def _poll(self) -> None:
        while not self._stop.wait(POLL_S):
            try:
                asked = urllib.request.Request(f"{self.base}/api/v1/picture", headers=self._token)  # noqa: S310
                with urllib.request.urlopen(asked, timeout=TIMEOUT_S) as answer:  # noqa: S310
                    self.picture = json.load(answer)
            except (OSError, ValueError):  # the bridge may be down on purpose; the picture grows old and says so
                continue
