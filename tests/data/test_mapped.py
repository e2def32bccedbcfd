"""Images in a mapped file: what was written comes back, whoever else writes it and whatever happens on the way."""

import json
import os
import pickle
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from featsplit.data.mapped import ROWS, Mapped, mapped
from featsplit.errors import FeatsplitError

TOTAL = 3 * ROWS - 5
SHAPE = (TOTAL, 1, 2, 3)
IMAGES = np.random.default_rng(0).integers(0, 2**16, SHAPE, dtype=np.uint16).view(np.float16)
IMAGES[~np.isfinite(IMAGES)] = 0.5


def read(rows: slice) -> NDArray[Any]:
    return IMAGES[rows]


def make(path: Path, source: Callable[[slice], NDArray[Any]] = read) -> Mapped:
    return mapped(path, SHAPE, "<f2", source, title="write", cure="make room")


def test_what_was_written_comes_back(tmp_path: Path) -> None:
    images = make(tmp_path / "a")
    assert (tuple(images.shape), images.dtype) == (SHAPE, torch.float16)
    assert np.array_equal(images.numpy(), IMAGES)
    assert [file.name for file in tmp_path.iterdir()] == ["a"]
    assert torch.equal(make(tmp_path / "a", never), images)


def never(rows: slice) -> NDArray[Any]:
    raise AssertionError


def test_what_is_taken_out_is_a_tensor_like_any_other(tmp_path: Path) -> None:
    images = make(tmp_path / "a")
    rows = torch.tensor([7, 0, 7])
    for part in (images[rows], images[3:5], images[torch.arange(TOTAL) > 2], images.float(), torch.split(images, 9)[0]):
        assert type(part) is Tensor
    assert np.array_equal(images[rows].numpy(), IMAGES[[7, 0, 7]])


def test_pickled_it_is_the_name_of_its_file(tmp_path: Path) -> None:
    images = make(tmp_path / "a")
    pickled = pickle.dumps(images)
    assert len(pickled) < 1000
    again = pickle.loads(pickled)
    assert isinstance(again, Mapped)
    assert torch.equal(again, images)


def cut(path: Path, keep: int) -> None:
    """Leave what a process that was killed after `keep` bytes leaves."""
    path.with_name(f".{path.name}.partial").write_bytes(IMAGES.tobytes()[:keep])


@pytest.mark.parametrize(("keep", "first"), [(0, 0), (12 * 70, 70), (12 * 70 + 5, 70), (12 * TOTAL, TOTAL)])
def test_a_write_that_was_killed_goes_on_where_it_stopped(tmp_path: Path, keep: int, first: int) -> None:
    asked: list[int] = []

    def counts(rows: slice) -> NDArray[Any]:
        asked.extend(range(rows.start, rows.stop))
        return IMAGES[rows]

    cut(tmp_path / "a", keep)
    assert np.array_equal(make(tmp_path / "a", counts).numpy(), IMAGES)
    assert asked == list(range(first, TOTAL))


def test_an_error_of_the_users_leaves_nothing(tmp_path: Path) -> None:
    def fails(rows: slice) -> NDArray[Any]:
        if rows.start:
            raise FeatsplitError("an image cannot be read")
        return IMAGES[rows]

    with pytest.raises(FeatsplitError, match="an image cannot be read"):
        make(tmp_path / "a", fails)
    assert not list(tmp_path.iterdir())


def test_of_two_at_once_one_writes_and_the_other_waits(tmp_path: Path) -> None:
    asked: list[int] = []
    begun = threading.Event()

    def slow(rows: slice) -> NDArray[Any]:
        begun.set()
        time.sleep(0.05)
        asked.extend(range(rows.start, rows.stop))
        return IMAGES[rows]

    found: list[Mapped] = []
    first = threading.Thread(target=lambda: found.append(make(tmp_path / "a", slow)))
    first.start()
    begun.wait()
    found.append(make(tmp_path / "a", slow))
    first.join()
    assert asked == list(range(TOTAL))
    assert all(np.array_equal(images.numpy(), IMAGES) for images in found)
    assert [file.name for file in tmp_path.iterdir()] == ["a"]


WRITER = f"""
import sys
from pathlib import Path
import numpy as np
from featsplit.data.mapped import mapped
def read(rows):
    print(rows.start, rows.stop, flush=True)
    sys.stdin.readline()
    return np.full((rows.stop - rows.start, 1, 2, 3), 0.5, dtype=np.float16)
images = mapped(Path(sys.argv[1]), {SHAPE}, "<f2", read, title="write", cure="make room")
assert images.shape == {SHAPE} and (images == 0.5).all()
"""


def writer(path: Path) -> subprocess.Popen[str]:
    """Another process that writes `path`: it says which rows, and waits for a line before each piece of them."""
    command, pipe = [sys.executable, "-c", WRITER, str(path)], subprocess.PIPE
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True)


def two_writers(path: Path) -> tuple[subprocess.Popen[str], str, subprocess.Popen[str], str]:
    """One that has begun to write `path`, with what it said, and one that waits for it, with what that said."""
    first = writer(path)
    assert first.stdout is not None
    begun = first.stdout.readline()
    second = writer(path)
    assert second.stderr is not None
    return first, begun, second, second.stderr.readline()


def test_of_two_processes_one_writes_and_the_other_says_for_whom_it_waits(tmp_path: Path) -> None:
    first, begun, second, line = two_writers(tmp_path / "a")
    (rows, _), (none, no_more) = first.communicate("\n\n\n", timeout=60), second.communicate(timeout=60)
    assert (begun + rows).split() == f"0 {ROWS} {ROWS} {2 * ROWS} {2 * ROWS} {TOTAL}".split()
    lock = tmp_path / ".a.lock"
    assert line == f"{tmp_path}/a: waits for process {first.pid}, which writes it (if it is gone: rm {lock})\n"
    assert none == no_more == ""
    assert [file.name for file in tmp_path.iterdir()] == ["a"]
    assert (first.returncode, second.returncode) == (0, 0)


def test_one_that_waits_goes_on_where_a_killed_one_stopped(tmp_path: Path) -> None:
    (tmp_path / ".a.partial").write_bytes(np.full(6 * ROWS, 0.5, dtype=np.float16).tobytes())
    first, begun, second, _ = two_writers(tmp_path / "a")
    first.send_signal(signal.SIGKILL)
    first.communicate(timeout=60)
    rows, _ = second.communicate("\n\n", timeout=60)
    assert begun.split() == [str(ROWS), str(2 * ROWS)]
    assert rows.split() == [str(row) for row in (ROWS, 2 * ROWS, 2 * ROWS, TOTAL)]
    assert second.returncode == 0
    assert [file.name for file in tmp_path.iterdir()] == ["a"]


def test_one_of_another_host_is_waited_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lock = tmp_path / ".a.lock"
    lock.write_text(json.dumps({"host": "node7", "process": os.getpid(), "began": None}))
    threading.Timer(0.5, lock.unlink).start()
    began = time.monotonic()
    make(tmp_path / "a")
    assert time.monotonic() - began > 0.4
    assert capsys.readouterr().err.count(f"waits for process {os.getpid()} of node7") == 1


def test_what_a_dead_process_has_claimed_is_taken_over(tmp_path: Path) -> None:
    """Of this host, and of a number that another process has now."""
    cut(tmp_path / "a", 12 * 70)
    owner = {"host": socket.gethostname(), "process": os.getpid(), "began": "12"}
    (tmp_path / ".a.lock").write_text(json.dumps(owner))
    assert np.array_equal(make(tmp_path / "a").numpy(), IMAGES)
    assert [file.name for file in tmp_path.iterdir()] == ["a"]


class Usage(NamedTuple):
    free: int


def test_a_disk_without_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cut(tmp_path / "a", 12 * 70)
    left = (TOTAL - 70) * 12
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(left - 1))
    with pytest.raises(FeatsplitError, match=r"a: needs 0\.0 GiB, and 0\.0 are free there; make room$"):
        make(tmp_path / "a")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(left))
    make(tmp_path / "a")


def test_a_file_of_another_size_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(IMAGES.tobytes()[:-1])
    with pytest.raises(FeatsplitError, match=r"a: is not of the size that was written; delete it, and it is made"):
        make(tmp_path / "a")


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(FeatsplitError, match=r"a: cannot be written: .*file is a file, not a folder"):
        make(tmp_path / "file" / "a")
