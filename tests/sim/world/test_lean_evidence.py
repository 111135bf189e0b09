"""Evidence of a week is kept small, and reads as what it stands for."""

import pytest

from sim.world.spoken import Spoken
from sim.world.track import Track

PLACES = [(1.0, 31.2, 121.4), (2.0, 31.3, 121.5), (3.0, 31.4, 121.6)]


def test_a_track_reads_like_a_list_of_places() -> None:
    track = Track()
    for place in PLACES:
        track.append(place)
    assert list(track) == PLACES
    assert (len(track), track[0], track[-1], track[1:]) == (3, PLACES[0], PLACES[-1], PLACES[1:])
    track.pop()
    assert list(track) == PLACES[:-1]
    with pytest.raises(IndexError):
        track[2]
    with pytest.raises(IndexError):
        track[-3]


def test_what_was_said_reads_like_the_mapping_it_says() -> None:
    said = Spoken(b'{"late":false,"lat":31.2}')
    assert said == {"late": False, "lat": 31.2}
    assert {**said, "late": True} == {"late": True, "lat": 31.2}
    assert said.get("lon") is None
