"""featsplit export: a line for what was written and one for what rounding cost; what does not fit is refused."""

from collections.abc import Callable
from pathlib import Path

import pytest

from featsplit.data.images import ImageData
from featsplit.data.sources import DataSpec, load_data
from featsplit.models.classifier import Classifier
from featsplit.synthesis import Build, Match, build_match
from tests.exports.sets import made
from tests.least import call


@pytest.mark.parametrize(
    ("options", "out", "last"),
    [
        ("", "out", "the images are kept as float32"),
        ("--format folder", "out", "of eps 0.5"),
        ("--format npz", "out.npz", "the images are kept as they are, float32"),
        (
            "--format hf --license MIT --creator Ann",
            "out",
            "are kept as they are, float32, as Array3D of float32",
        ),
        ("--format webdataset --shard 10", "out", "the images are kept as they are, float32, as .npy"),
    ],
)
def test_what_was_written_is_said(tmp_path: Path, options: str, out: str, last: str) -> None:
    path = made(tmp_path / "set.h5")
    said = call(f"export {path} {options} --out {tmp_path / out}")[0].splitlines()
    format_ = options.split()[1] if options else "madrylab"
    assert said[0] == f"{tmp_path / out}: 67 images of {path}, as {format_} has them"
    assert len(said) == 2
    assert said[1].endswith(last)
    assert (tmp_path / out).exists()


def test_with_the_other_split_an_npz_is_trained_on_by_its_name(
    digits: ImageData, standard: Classifier, tmp_path: Path
) -> None:
    path = tmp_path / "set.h5"
    build_match(path, standard, digits, Match(steps=1), build=Build(dtype="uint8"))
    call(f"export {path} --format npz --other-split --source digits --out {tmp_path}/set.npz")
    found, expected = load_data(DataSpec(f"npz:{tmp_path}/set.npz")), load_data(DataSpec(str(path)))
    assert found.digest == expected.digest


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--format tar --out {w}/o", '--format = "tar": must be one of madrylab, folder, npz, hf, webdataset'),
        ("--format folder --push a/b --out {w}/o", "--push = a/b: belongs to --format hf"),
        ("--format npz --out {w}/o", "--out {w}/o: must end in .npz"),
        ("--format folder --out {w}/o.npz", "{w}/o.npz: names a file; give --format npz, or the name of a folder"),
        ("--format npz --source digits --out {w}/o.npz", "--source: is for the source, which only --other-split reads"),
        ("--format npz --other-split --source digits --out {w}/o.npz", "--source digits: has digest"),
        ("--format webdataset --shard 0 --out {w}/o", "--shard = 0: must be at least 1"),
        ("--format folder --out {w}", "{w}: exists; give another --out, or --overwrite"),
        (
            "--format folder --out {w} --overwrite",
            "{w}: holds set.h5, which no export wrote; remove the folder",
        ),
        ("--format npz --other-split --out {w}/o.npz", '{w}/set.h5: its source "folder:/home/ann/photos" is not there'),
    ],
)
def test_what_does_not_fit_is_a_line(refused: Callable[[str], str], tmp_path: Path, options: str, message: str) -> None:
    path = made(tmp_path / "set.h5")
    said = refused(f"export {path} {options.format(w=tmp_path)}")
    assert said.startswith(message.format(w=tmp_path))
    assert [place.name for place in tmp_path.iterdir()] == ["set.h5"]


def test_a_file_that_is_no_set_is_a_line(refused: Callable[[str], str], tmp_path: Path) -> None:
    (tmp_path / "x.h5").write_text("no")
    assert "is damaged or no HDF5 file" in refused(f"export {tmp_path}/x.h5 --format folder --out {tmp_path}/o")
    assert "no such file" in refused(f"export {tmp_path}/y.h5 --format folder --out {tmp_path}/o")
