"""The jobs of a run as waves, and how long they would take: against schedules that are worked out by hand."""

from pathlib import Path

import pytest

from featsplit.engine.events import Standing
from featsplit.engine.jobs import Job, Worker, with_parts
from featsplit.engine.plan import expected_seconds, simulated, waves
from featsplit.runtime import CPU
from tests.works import DIAMOND, Divide, Leave

WORKER = Worker(Path(), CPU, None, print)
SECONDS = {"a": 2.0, "b": 3.0, "c": 5.0, "d": 1.0}


def test_a_job_is_in_the_wave_after_those_that_it_needs() -> None:
    assert waves(DIAMOND) == {"a": 0, "b": 1, "c": 1, "d": 2}


@pytest.mark.parametrize(("places", "seconds"), [(1, 11.0), (2, 8.0), (64, 8.0)])
def test_a_diamond_takes_what_it_takes_by_hand(places: int, seconds: float) -> None:
    took = simulated(DIAMOND, places, SECONDS)
    assert (took.seconds, took.longest_way, took.sum) == (seconds, 8.0, 11.0)
    assert took.way == ("a", "c", "d")


def test_places_are_a_bound() -> None:
    """Six of one second: as many at a time as there are places, and the longest way never less than all."""
    jobs = [Job(str(number), Leave("x")) for number in range(6)]
    for places, seconds in ((1, 6.0), (2, 3.0), (4, 2.0), (6, 1.0), (9, 1.0)):
        assert simulated(jobs, places, {job.key: 1.0 for job in jobs}).seconds == seconds


def test_the_longest_way_goes_first() -> None:
    """Of three that are ready the one behind which most is left: else it would be 6."""
    jobs = [
        Job("short", Leave("s")),
        Job("other", Leave("o")),
        Job("long", Leave("l")),
        Job("end", Leave("e"), ("long",)),
    ]
    assert simulated(jobs, 2, {"short": 2.0, "other": 2.0, "long": 2.0, "end": 2.0}).seconds == 4.0


def test_a_job_is_expected_to_take_as_long_as_its_like() -> None:
    jobs = [
        Job("seed1/a/part-7", Leave("a"), kind="a, a part"),
        Job("seed1/b", Leave("b"), kind="of no other"),
        Job("c", Divide("c", 1)),
    ]
    measured = [
        Standing("seed0/a/part-0", "a, a part", "done", seconds=1.0, work="Load"),
        Standing("seed0/a/part-1", "a, a part", "done", seconds=3.0, work="Load"),
        Standing("seed0/z", "z", "done", seconds=8.0, work="Leave"),
        Standing("seed0/y", "y", "running", work="Leave"),
    ]
    seconds, unlike = expected_seconds(jobs, measured)
    assert seconds == {"seed1/a/part-7": 2.0, "seed1/b": 8.0, "c": 4.0}
    assert unlike == ["c"]


def test_parts_stand_before_what_puts_them_together_and_need_what_it_needs() -> None:
    jobs = with_parts([Job("a", Leave("a")), Job("b", Divide("b", 2), ("a",)), Job("c", Leave("c"), ("b",))], WORKER)
    assert [(job.key, job.needs) for job in jobs] == [
        ("a", ()),
        ("b/part-0", ("a",)),
        ("b/part-1", ("a",)),
        ("b", ("a", "b/part-0", "b/part-1")),
        ("c", ("b",)),
    ]
