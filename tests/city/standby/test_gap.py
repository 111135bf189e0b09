"""What a standby makes of visits that its dead machine had acknowledged and not pushed: it asks, and a person says."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from broker.rules.dispatch.actions import Act
from tests.support.cell.virtual import VirtualCell

pytestmark = pytest.mark.real
RUN, ROOM = "run00000.20261123", "r00001"
BEFORE_S, GAP_S, ON_S = 220, 110, 120  # the truck stands at its second room in the gap, and at its third after it


class Gone:
    """A street whose machine died: what it had pushed by then, and what only its disk has."""

    def __init__(self, folder: Path) -> None:
        self.cell = cell = VirtualCell(folder / "dead", 4)
        cell.run(BEFORE_S)
        pushed = cell.records()
        cell.run(GAP_S)
        known = {record.id for record in pushed}
        self.on_disk = [record for record in cell.records() if record.id not in known]
        self.state_on_disk = self.state()
        cell.taken_over(folder / "standby", pushed)
        cell.run(ON_S)

    def state(self, room: str = ROOM) -> str:
        """How a visit of the first truck stands."""
        (run,) = (run for run in self.cell.picture()["runs"] if run["run_id"] == RUN)
        (visit,) = (visit for visit in run["visits"] if visit["room"] == room)
        return str(visit["state"])

    def asked(self) -> set[str]:
        """What is asked in the list of what needs a person."""
        return {row["id"] for row in self.cell.picture()["attention"] if row["word"] == "passed_by"}

    def says_served(self) -> None:
        """A person presses *it was served*."""
        self.cell.bridge.act(Act("serve", "wang", visit=(RUN, ROOM, 1)), self.cell.now)
        self.cell.run(2)

    def old_disk_is_read(self, folder: Path) -> None:
        """Its records come in, and the standby's bridge is started again with all of them."""
        self.cell.append(self.on_disk)
        everything = self.cell.records()
        self.cell.taken_over(folder / "again", everything)
        self.cell.run(2)


@pytest.fixture
def gone(tmp_path: Path) -> Iterator[Gone]:
    """One for each."""
    found = Gone(tmp_path)
    yield found
    found.cell.close()


def test_a_visit_made_in_the_gap_is_asked_about_by_name_and_a_person_settles_it(gone: Gone, tmp_path: Path) -> None:
    """The dead machine had it as served; the standby saw the truck before and after it, and asks once it drove past."""
    assert gone.state_on_disk == "served"
    assert gone.state() == "due" and gone.state("r00000") == "served" and gone.state("r00002") == "served"
    assert f"passed/{RUN}/{ROOM}/1" in gone.asked()
    gone.says_served()
    assert gone.state() == "served" and f"passed/{RUN}/{ROOM}/1" not in gone.asked()
    gone.old_disk_is_read(tmp_path)
    assert gone.state() == "served", "the person's word stays"


def test_the_old_disk_brings_what_was_said_and_leaves_the_question_to_a_person(gone: Gone, tmp_path: Path) -> None:
    """What the standby knows is newer than what the dead machine decided: nothing is settled behind anybody's back."""
    gone.old_disk_is_read(tmp_path)
    assert {record.id for record in gone.on_disk} <= {record.id for record in gone.cell.records()}
    assert gone.state() == "due" and f"passed/{RUN}/{ROOM}/1" in gone.asked()
    gone.says_served()
    assert gone.state() == "served" and gone.asked().isdisjoint({f"passed/{RUN}/{ROOM}/1"})
