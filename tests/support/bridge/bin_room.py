"""A morning on the bridge on which one room has a unit: its bins go out and come back."""

from typing import Any

from broker.web.view.picture import snapshot
from firmware import wire
from tests.support.bridge.morning import Morning

FULL, TARE = 60_000, 12_000


class Rooms(Morning):
    """A morning whose second room has a unit: `number` is which room of the trip."""

    number = 1

    @property
    def room(self) -> str:
        """The room that is looked at."""
        return self.trip.visits[self.number].room_id

    def report(self, count: int | None, grams: int | None, *, quality: int = 0, waste: str = "", **more: Any) -> None:
        """Its unit says how many bins and grams it has."""
        bins = [{"waste": waste or self.waste, "count": count, "grams": grams, "quality": quality}]
        self.say("bins", {"at": int(self.now), "late": False, "bins": bins, **more}, device=self.room)
        self.step(1)

    def life(self, word: str, boot: int = 1) -> None:
        """Its unit comes, or its will does."""
        topic = wire.topic("life", "xh", self.room, family="room")
        body = {"life": word, "boot": boot, "fw": "1"} if word == "ready" else {"life": word, "boot": boot}
        self.bridge.receive(topic, wire.pack(topic, body), self.now)

    def roll_out(self, bins: int, left: int = 0) -> None:
        """So many full bins leave the room one by one."""
        for number in range(bins):
            stay = bins - number - 1 + left
            self.step(10)
            self.report(stay, stay * FULL)

    def roll_in(self, bins: int, full: int = 0, there: int = 0) -> None:
        """So many come back, the last ones full."""
        grams = there * FULL
        for number in range(1, bins + 1):
            grams += FULL if number > bins - full else TARE
            self.step(10)
            self.report(there + number, grams)

    def go_on(self, seconds: int = 60) -> None:
        """The truck drives on."""
        self.step(seconds, 5.0)

    def visit(self, number: int = 1) -> dict[str, Any]:
        """Its visit as it is on record."""
        key = f"{self.run_id}/{self.room}/{number}"
        return dict(self.store.latest("visit", key)[key].body)

    def amounts(self, number: int = 1) -> tuple[int | None, int | None]:
        """(bins, grams) collected at its visit, by the record."""
        body = self.visit(number)
        return tuple(  # type: ignore[return-value]
            None if body[f"{name}_after"] is None else body[f"{name}_before"] - body[f"{name}_after"]
            for name in ("bins", "grams")
        )

    def waits(self) -> list[Any]:
        """What the truck's itinerary and the screen say that waits there."""
        visits = self.retained[wire.topic("itinerary", "xh", self.truck)]["visits"]
        told = next(row["bins"] for row in visits if row["room"] == self.room and row["state"] != "skipped")
        rooms = snapshot(self.bridge, self.now)["rooms"]
        shown = next(row["bins"][self.waste] for row in rooms if row["room"] == self.room)
        return [(told[0]["count"], told[0]["grams"]) if told else None, (shown["count"], shown["grams"])]

    def restart(self) -> None:
        """The bridge ends and begins again."""
        self.store.close()
        self.open()
