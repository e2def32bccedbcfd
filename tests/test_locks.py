"""Claims: one process has a place, on disks with links and without, whatever dead ones have left."""

import json
import os
import socket
import threading
from pathlib import Path

import pytest

from featsplit.locks import claim, release


def no_links(source: Path, target: Path) -> None:
    raise PermissionError


@pytest.fixture(params=["links", "no links"], autouse=True)
def disk(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "no links":
        monkeypatch.setattr(os, "link", no_links)


def test_a_claim_is_held_until_it_is_let_go(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    assert claim(lock) is None
    assert claim(lock) == f"process {os.getpid()}"
    assert [path.name for path in tmp_path.iterdir()] == ["lock"]
    release(lock)
    assert not list(tmp_path.iterdir())
    assert claim(lock) is None


def test_a_claim_of_another_is_not_let_go(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    lock.write_text(json.dumps({"host": "node7", "process": 12, "began": None}))
    assert claim(lock) == "process 12 of node7"
    release(lock)
    assert lock.exists()


@pytest.mark.parametrize("text", ["", "{", "[]", "{}"])
def test_a_claim_that_says_nothing_is_anothers(tmp_path: Path, text: str) -> None:
    (tmp_path / "lock").write_text(text)
    assert claim(tmp_path / "lock") == "something that left no name"


def test_of_many_threads_that_find_a_dead_claim_one_gets_it(tmp_path: Path) -> None:
    for _ in range(20):
        lock, found = tmp_path / "lock", list[str | None]()
        lock.write_text(json.dumps({"host": socket.gethostname(), "process": os.getpid(), "began": "12"}))
        ready = threading.Barrier(8)

        def one(lock: Path = lock, found: list[str | None] = found, ready: threading.Barrier = ready) -> None:
            ready.wait()
            found.append(claim(lock))

        threads = [threading.Thread(target=one) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(found, key=str).count(None) == 1, found
        release(lock)


def test_a_link_whose_answer_got_lost_is_a_claim(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a network file system the link may be made, and made again by the client, which hears that it exists."""
    link = os.link
    if link is no_links:
        pytest.skip("there are no links")

    def twice(source: Path, target: Path) -> None:
        link(source, target)
        link(source, target)

    monkeypatch.setattr(os, "link", twice)
    assert claim(tmp_path / "lock") is None
    assert claim(tmp_path / "lock") == f"process {os.getpid()}"
