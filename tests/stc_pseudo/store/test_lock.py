"""One builder a sequence; a dead one's place is taken."""

import json
import subprocess
import sys
import threading
import time

import pytest

from stc_pseudo.store.lock import BUILDERS, SILENT_SECONDS, Builder, alive
from stc_track.io.errors import InputError
from stc_track.io.location import Location


@pytest.fixture
def place(tmp_path):
    return Location(tmp_path / "store", writable=True)


def test_a_second_builder_is_told_who_is_first(place):
    first, second = Builder(place), Builder(place)
    first.acquire("0001")
    second.acquire("0002")
    with pytest.raises(InputError, match=r"store/0001: expected no other build of this sequence, found process \d+ on"):
        second.acquire("0001")
    first.release("0001")
    second.acquire("0001")
    first.close()
    second.close()
    assert not place.find()


def test_of_many_at_once_one_wins(place):
    won, lost = [], []
    builders = [Builder(place) for _ in range(8)]

    def take(builder):
        try:
            builder.acquire("0001")
            won.append(builder)
        except InputError:
            lost.append(builder)

    threads = [threading.Thread(target=take, args=(builder,)) for builder in builders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(won), len(lost)) == (1, 7)


def test_a_killed_builder_s_place_is_taken(place):
    program = (
        "import os, signal; from stc_pseudo.store.lock import Builder; from stc_track.io.location import Location;"
        f"Builder(Location({place.url!r}, True)).acquire('0001'); os.kill(os.getpid(), signal.SIGKILL)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == -9
    builder = Builder(place)
    builder.acquire("0001")
    assert builder.still_holds("0001")
    third = Builder(place)
    with pytest.raises(InputError, match="no other build"):
        third.acquire("0001")
    builder.release("0001")
    assert not [key for key in place.find() if key.startswith("0001")]


def test_a_builder_that_was_overtaken_knows(place):
    first = Builder(place)
    first.acquire("0001")
    place.delete([f"{BUILDERS}/{first.name}.json"])  # as if it had been silent for long
    second = Builder(place)
    second.acquire("0001")
    assert not first.still_holds("0001")
    assert second.still_holds("0001")


@pytest.mark.parametrize(
    ("silent", "expected"), [(0, True), (SILENT_SECONDS + 1, False)], ids=["heard of now", "long silent"]
)
def test_another_machine_s_builder_lives_while_it_is_heard_of(place, silent, expected):
    said = json.loads(Builder(place)._describe()) | {"machine": "elsewhere", "seen": time.time() - silent}
    assert alive(said) is expected


def test_a_process_number_that_came_again_is_another_process(place):
    said = json.loads(Builder(place)._describe())
    assert alive(said)
    assert not alive(said | {"process_started": "1"})
