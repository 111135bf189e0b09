"""The district's side of a simulated city: PostgreSQL, and each cell's way to it, which can be cut."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from sim.city.cell import HOST, Cell, Sections
from sim.city.postgres import Postgres, password_file
from sim.live.clock import SpedClock
from sim.live.relay import Door


class Office:
    """`start` it before the cells, `serve` once they are up; always `close`."""

    def __init__(self, folder: Path, cells: int) -> None:
        folder.chmod(0o711)  # the server is another user, and reads nothing but its own folder
        self._key, password = password_file(folder)
        self.postgres = Postgres(folder / "postgres", password)
        self._doors = {number: Door(HOST, self.postgres.port) for number in range(1, cells + 1)}

    def way(self, number: int) -> Sections:
        """The sections of its bridge's configuration by which a cell reaches the city."""
        return {}

    def start(self) -> None:
        """PostgreSQL; raises NoPostgresError."""
        self.postgres.start()

    def serve(self, clock: SpedClock, http_port: int | None) -> None:
        """The city's page."""

    def told(self) -> Iterator[str]:
        """What a person should know of it."""
        yield f"PostgreSQL: {self.postgres.address} (its password: {self._key})"

    def look(self) -> None:
        """Raises StartError where something ended by itself."""

    def state(self, cell: Cell) -> str:
        """How far the city is behind a cell."""
        return "-"

    def cut(self, number: int, cut: bool) -> None:
        """Nothing passes between a cell and the city, or it does again."""
        (self._doors[number].shut if cut else self._doors[number].open)()

    def take_over(self, cell: Cell) -> Iterator[str]:
        """A standby takes what the city has of its cell, before it starts."""
        return iter(())

    def settle(self, cells: Sequence[Cell], within_s: float) -> list[str]:
        """Wait until the city has what the cells have; what it has not, or has otherwise."""
        return []

    def close(self) -> None:
        """End whatever still runs."""
        for door in self._doors.values():
            door.close()
        self.postgres.stop("immediate")
