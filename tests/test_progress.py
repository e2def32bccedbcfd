"""How far work is: lines without a terminal, at every tenth and with the time left; nothing for what is short."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from featsplit import progress as module
from featsplit.progress import clock, counted, keep_events, progress


class Clock:
    """A clock that stands still unless work moves it."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return self.now


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    return clock


def lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().err.splitlines()


def test_without_a_terminal_a_line_at_every_tenth_says_how_far_it_is(
    time: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    bar = progress(range(40), "train a")
    for number in bar:
        time.now += 3
        bar.figures = f"loss {1 / (number + 1):.2f}"
    said = lines(capsys)
    assert said[0] == "train a: 10 %, 4 of 40, loss 0.25; 1:48 left"
    assert said[-1] == "train a: 90 %, 36 of 40, loss 0.03; 0:12 left"
    assert [line.split(":")[1].split(",")[0] for line in said] == [f" {tenth}0 %" for tenth in range(1, 10)]


def test_what_ends_within_ten_seconds_says_nothing(time: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    for _ in progress(range(40), "short"):
        time.now += 0.24
    assert lines(capsys) == []


def test_what_was_done_before_counts_for_the_share_and_not_for_the_speed(
    time: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in progress(range(10), "build", done=30):
        time.now += 10
    assert lines(capsys)[0] == "build: 80 %, 32 of 40; 1:20 left"


def test_work_within_work_has_lines_where_it_takes_a_minute(time: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    for epoch in progress(range(2), "train"):
        for _ in progress(range(10), f"epoch {epoch}"):
            time.now += 2 if epoch == 0 else 20
    said = lines(capsys)
    assert said[0] == "train: 50 %, 1 of 2; 0:20 left"
    assert [line for line in said if line.startswith("epoch 0")] == []
    assert len([line for line in said if line.startswith("epoch 1")]) == 9


def test_items_are_those_of_the_work_and_an_error_ends_it(time: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    assert list(progress("abc", "letters")) == ["a", "b", "c"]
    with pytest.raises(StopIteration):
        next(iter(progress("", "nothing")))
    for _ in progress(range(20), "after"):
        time.now += 1
    assert lines(capsys)[0].startswith("after: 50 %")


@pytest.fixture
def events(tmp_path: Path) -> Iterator[Path]:
    keep_events(tmp_path / "events.jsonl")
    yield tmp_path / "events.jsonl"
    keep_events(None)


def test_the_same_is_kept_where_others_read_it(time: Clock, events: Path) -> None:
    for _ in progress(range(4), "train"):
        time.now += 20
    kept = [json.loads(line) for line in events.read_text().splitlines()]
    assert [(line["title"], line["done"], line["total"], line["left"]) for line in kept] == [
        ("train", 1, 4, 60),
        ("train", 2, 4, 40),
        ("train", 3, 4, 20),
    ]
    assert {"time", "host", "process"} <= kept[0].keys()


@pytest.mark.parametrize(("seconds", "said"), [(5, "0:05"), (65.4, "1:05"), (7207, "2:00:07")])
def test_a_time_as_it_is_read(seconds: float, said: str) -> None:
    assert clock(seconds) == said


def test_behind_a_bar_events_are_kept_and_no_line_is_said(
    time: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setattr(module, "_without_bars", False)
    keep_events(tmp_path / "events.jsonl")
    try:
        for _ in progress(range(40), "train a"):
            time.now += 3
    finally:
        keep_events(None)
    found = [json.loads(line) for line in (tmp_path / "events.jsonl").read_text().splitlines()]
    assert [event["done"] for event in found] == [4, 8, 12, 16, 20, 24, 28, 32, 36]
    assert not [line for line in lines(capsys) if " left" in line and "; " in line]


def test_work_that_is_no_loop_says_how_far_it_is(time: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    with counted(100, "search") as reach:
        for calls in (0, 3, 3, 25, 24, 99, 100, 180):
            reach(calls)
            time.now += 20
    assert lines(capsys) == [
        "search: 25 %, 25 of 100; 3:00 left",
        "search: 99 %, 99 of 100; 0:01 left",
    ]
    with counted(3, "never begun"):
        pass
    for _ in progress(range(20), "after"):
        time.now += 1
    assert lines(capsys)[0].startswith("after: 50 %"), "it is no work within work"
