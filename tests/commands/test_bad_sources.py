"""Data that are none, from the command line: one line with place, value, rule and cure; status 2; nothing written."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.data.pictures import pixels, save
from tests.data.tables import both, grey, saved

TO = "--out {w}/o.safetensors"


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with data sets of each kind in which something is wrong, or which are not written as sources."""
    path = tmp_path_factory.mktemp("bad")
    images, labels = pixels(40, 8, 8), np.arange(40) % 10
    named: dict[str, Any] = {"classes": [f"thing {k}" for k in range(10)], "x_train": images, "y_train": labels}
    np.savez(path / "things.npz", x_test=255 - images, y_test=labels, **named)
    several: dict[str, Any] = {"train_labels": np.eye(10, dtype=int)[labels], "test_labels": labels}
    np.savez(path / "chest.npz", train_images=images, test_images=255 - images, **several)
    np.savez(path / "untested.npz", train_images=images, train_labels=labels)
    for name in ("direct/cat/a.png", "direct/dog/b.png", "mixed/train/cat/a.png", "mixed/train/dog/b.bmp"):
        save(path / name, pixels(6, 6))
    for name in ("mixed/test/cat/a.png", "mixed/test/dog/b.TIFF"):
        save(path / name, pixels(9, 6, seed=1))
    (path / "script").mkdir()
    (path / "script/script.py").write_text("raise SystemExit(0)")
    saved(path / "saved", both(grey(), grey(seed=1)))
    (path / "saved/test/state.json").write_text("{}")
    (path / "tables").mkdir()
    (path / "tables/train.parquet").write_text("no parquet")
    grey().remove_columns("label").to_parquet(str(path / "unlabelled/train.parquet"))
    return path


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("info {w}/nothing", 'data.source = ".*nothing": must be one of digits, mnist'),
        ("info {w}/direct", 'is no source by itself; did you mean "folder:.*/direct"?'),
        (f"train --data {{w}}/things.npz {TO}", '--data = ".*": is no .* did you mean "npz:.*things.npz"?'),
        ("show {w}/unlabelled --out {w}/o.png", 'did you mean "hf:.*/unlabelled"?'),
        ("info folder:{w}/direct", "holds folders .cat, dog. and no train/ and test/; as classes, give --holdout 0.2"),
        (f"train --data folder:{{w}}/direct --holdout 0.2 {TO}", "--holdout = 0.2: gives 0 of 2 images; must give"),
        ("show folder:{w}/mixed --out {w}/o.png", "6 x 6 but test/cat/a.png is 6 x 9 pixels; .* give --resize N"),
        ("info npz:{w}/chest.npz", r"train_labels has shape .40, 10.; .* keep one column, labels\[:, :1\]"),
        ("info npz:{w}/untested.npz", "has no test_images, test_labels; .* --holdout 0.2 cuts test images"),
        ("info hf:{w}/script", "holds neither a data set of save_to_disk nor .parquet files"),
        ("info hf:{w}/saved", "cannot be read .*; write it again"),
        ("info hf:{w}/tables --holdout 0.2", "train.parquet: cannot be read .*; write it again"),
        ("info hf:{w}/unlabelled --holdout 0.2", "has no column of labels .image .Image.."),
        ("info hf:{w}/unlabelled#image,lable --holdout 0.2", 'column = "lable": must be one of image'),
        ("info hf:no/where/at/all", "there is no such folder"),
        ("info hf:somebody/nothing", "is not in the cache .* give --download to fetch it, or a folder: hf:FOLDER"),
        ("info digits --classes 3,11", '--classes = "11": must be one of 0, 1'),
        ("info digits --classes 3 --classes 3", '--classes: "3" is given 2 times'),
        ("info npz:{w}/things.npz --classes thing", 'may be "thing 0" .number 0., .* and 2 more; write more of the'),
        ("show digits --out {w}/o.svg", "--out .*o.svg: must end in .png"),
        ("show digits --out {w}/things.npz/o.png", "things.npz is a file, not a folder"),
    ],
)
def test_bad_data_are_one_line(refused: Callable[[str], str], work: Path, line: str, message: str) -> None:
    before = {path: path.read_bytes() for path in work.rglob("*") if path.is_file()}
    printed = refused(line.format(w=work))
    assert re.search(message.replace("?", r"\?"), printed), printed
    assert {path: path.read_bytes() for path in work.rglob("*") if path.is_file()} == before
