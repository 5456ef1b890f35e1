"""Ids of tracks as files have them: those that are names stay or are renumbered, and no two tracks share one."""

from hypothesis import given
from hypothesis import strategies as st

from stc_track.formats.mots import IGNORE_ID
from stc_track.formats.track_ids import TrackIdAllocator, is_track_name, track_name

ids = st.integers(0, 3_000_000) | st.integers(0, 5) | st.just(IGNORE_ID)
tracks = st.lists(st.tuples(ids, st.integers(0, 3) | st.integers(999, 1003)))


def test_a_tracker_s_ids_are_counted_even_where_they_look_like_names():
    names = TrackIdAllocator()
    assert [names.of(*pair) for pair in ((1001, 1), (5, 1), (2001, 2), (5, 1))] == [1001, 1002, 2001, 1002]
    assert TrackIdAllocator().of(1007, 1) == 1001


def test_a_file_s_ids_stay_where_they_are_names_of_their_class():
    names = TrackIdAllocator(keep=True)
    assert names.of(1007, 1) == 1007
    assert names.of(1007, 2) == 2001  # a name, but of another class
    assert names.of(3, 1) == 1001
    assert names.of(1001, 1) == 1002  # taken by the one before
    assert names.of(2_001_000, 2) == 2_001_000


def test_the_thousandth_track_of_a_class_goes_on_in_millions():
    names = TrackIdAllocator()
    assert [names.of(k, 1) for k in range(1, 1002)][-3:] == [1999, 1_001_000, 1_001_001]


def test_track_1001_of_class_1_leaves_class_1001_its_name():
    for keep in (False, True):
        names = TrackIdAllocator(keep=keep)
        assert names.of(7, 1001) == 1_001_001
        found = [names.of(k, 1) for k in range(2_000_000, 2_001_002)]
        assert 1_001_001 not in found
        assert len(set(found)) == len(found)


def test_no_track_has_the_id_of_ignore_regions():
    names = TrackIdAllocator(keep=True)
    assert names.of(IGNORE_ID, 0) == 1  # 10000 is a name of class 0, too
    assert names.of(IGNORE_ID, 10) == 10_001


@given(tracks, st.booleans())
def test_no_two_tracks_share_a_name(asked, keep):
    names = TrackIdAllocator(keep=keep)
    found = {pair: names.of(*pair) for pair in asked}
    assert len({*found.values(), IGNORE_ID}) == len(found) + 1
    assert all(is_track_name(name, class_id) for (_, class_id), name in found.items())
    assert found == {pair: names.of(*pair) for pair in asked}


@given(st.integers(0, 10_000), st.integers(1, 999_999))
def test_a_name_is_one(class_id, number):
    assert is_track_name(track_name(class_id, number), class_id)
