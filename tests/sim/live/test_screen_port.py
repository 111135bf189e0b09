"""Where the operations screen of a live run is found."""

from rich.console import Console

from sim.live.ground import screen_port


def test_of_two_runs_that_start_together_the_second_moves() -> None:
    """The first has not listened yet, and has the port all the same."""
    said = Console(record=True)
    with screen_port(None, said), screen_port(None, said) as second:
        assert second == 0
    assert "the status page moves" in said.export_text()
