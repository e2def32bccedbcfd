"""info and show of any source: what they say is counted here again, from the arrays that were written."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from typer.testing import CliRunner

from featsplit.commands import app
from featsplit.data.images import ImageData, Split
from featsplit.data.sources import DataSpec, load_data
from featsplit.errors import FeatsplitWarning
from featsplit.models.build import build
from featsplit.report.grids import CLASSES, draw_sheet
from featsplit.report.sources import short
from featsplit.synthesis import Perturb, build_perturb
from tests.data.pictures import pixels, save
from tests.data.tables import both, grey, saved

pytestmark = pytest.mark.filterwarnings("ignore::featsplit.errors.FeatsplitWarning")


def call(line: str) -> list[str]:
    """The lines that a command which ends well prints."""
    result = CliRunner().invoke(app, line.split(), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout.splitlines()


def said(lines: list[str], name: str) -> list[str]:
    """What stands behind `name`, and below it."""
    first = next(row for row, line in enumerate(lines) if line.startswith(f"  {name}  "))
    column = len(lines[first]) - len(lines[first].removeprefix(f"  {name}").lstrip())
    more = [line.strip() for line in lines[first + 1 :]]
    below = next(row for row, line in enumerate(lines[first + 1 :]) if line[:column].strip() or not line.strip())
    return [lines[first][column:], *more[:below]]


def table(lines: list[str]) -> list[list[str]]:
    rule = next(row for row, line in enumerate(lines) if line.startswith("-----"))
    return [re.split(r"  +", line.strip()) for line in lines[rule + 1 :]]


@pytest.fixture
def npz(tmp_path: Path) -> tuple[str, dict[str, NDArray[Any]]]:
    """30 train and 8 test images of three classes: rows 3 and 9 of train are copies, two of test are train's."""
    x_train, x_test = pixels(30, 5, 4, 3) // 2, pixels(8, 5, 4, 3, seed=1) // 2
    y_train, y_test = np.array([0] * 17 + [1] * 9 + [2] * 4), np.arange(8) % 2
    x_train[3], x_train[9], y_train[9] = x_train[1], x_train[1], 2
    x_test[5], x_test[6], x_test[7] = x_train[20], x_train[1], x_test[0]
    arrays: dict[str, Any] = {"x_train": x_train, "y_train": y_train, "x_test": x_test, "y_test": y_test}
    np.savez(tmp_path / "a.npz", **arrays)
    return f"npz:{tmp_path / 'a.npz'}", arrays


def test_info_counts_images_by_class_and_split(npz: tuple[str, dict[str, NDArray[Any]]]) -> None:
    source, arrays = npz
    with pytest.warns(FeatsplitWarning, match="2 of 8 test images are also among the train images"):
        lines = call(f"info {source}")
    assert lines[0] == source
    assert said(lines, "images") == ["30 train, 8 test, 3 classes"]
    counts = [np.bincount(arrays[name], minlength=3) for name in ("y_train", "y_test")]
    assert table(lines) == [[str(label), *(str(of[label]) for of in counts)] for label in range(3)]


def test_info_tells_pixels_copies_and_the_digest(npz: tuple[str, dict[str, NDArray[Any]]]) -> None:
    source, arrays = npz
    lines = call(f"info {source}")
    assert said(lines, "size") == ["4 x 5, 3 channels"]
    both_parts = np.concatenate([arrays["x_train"], arrays["x_test"]])
    assert said(lines, "pixels") == [f"{both_parts.min()} to {both_parts.max()}, uint8"]
    for name, of in (("mean", np.mean), ("deviation", lambda part: np.std(part, ddof=1))):
        expected = [of(arrays["x_train"][..., channel] / 255) for channel in range(3)]
        found = [float(number) for number in re.findall(r"\d\.\d+", said(lines, name)[0])]
        assert found == pytest.approx(expected, abs=6e-5)
    assert said(lines, "train copies") == [
        "2 of 30 images, 1 of another class",
        "train 3 = train 1",
        "train 9 = train 1",
    ]
    assert said(lines, "test copies") == ["1 of 8 images, 1 of another class", "test 7 = test 0"]
    assert said(lines, "in both") == ["2 of 8 images", "test 5 = train 20", "test 6 = train 1"]
    assert said(lines, "digest") == [load_data(DataSpec(source)).digest]


def test_info_of_a_part_is_of_that_part(npz: tuple[str, dict[str, NDArray[Any]]]) -> None:
    source, _ = npz
    lines = call(f"info {source} --classes 2 --classes 0 --holdout 0.3 --resize 3")
    spec = DataSpec(source, classes=(2, 0), holdout=0.3, resize=3)
    assert said(lines, "digest") == [load_data(spec).digest]
    assert [line[0] for line in table(lines)] == ["2", "0"]
    assert said(lines, "size") == ["3 x 3, 3 channels"]


def photos(root: Path, *, sizes: bool = False) -> Path:
    for number in range(12):
        height, width = (20 + number, 30) if sizes else (6, 7)
        split, name = "test" if number % 3 == 2 else "train", "cat" if number % 2 else "a dog"
        save(root / split / name / f"{number:02d}.png", pixels(height, width, 3, seed=number))
    return root


def test_images_of_a_folder_are_called_by_their_files(tmp_path: Path) -> None:
    save(photos(tmp_path) / "train/cat/copy of the first of all images.png", pixels(6, 7, 3))
    save(tmp_path / "test/cat/99.bmp", pixels(6, 7, 3, seed=3))
    lines = call(f"info folder:{tmp_path}")
    assert said(lines, "train copies") == [
        "1 of 9 images, 1 of another class",
        "train/cat/co...l images.png = train/a dog/00.png",
    ]
    assert said(lines, "in both") == ["1 of 5 images", "test/cat/99.bmp = train/cat/03.png"]
    part = call(f"info folder:{tmp_path} --classes cat,a")
    assert said(part, "train copies")[1].startswith("train ")


def test_images_of_several_sizes_are_counted_without_a_size(tmp_path: Path) -> None:
    source = f"folder:{photos(tmp_path, sizes=True)}"
    lines = call(f"info {source}")
    assert said(lines, "images") == ["8 train, 4 test, 2 classes; as they lie there, without options"]
    assert said(lines, "sizes")[0].endswith(", and 9 more")
    assert said(lines, "span") == ["30 x 20 to 30 x 31 (12 sizes)"]
    assert said(lines, "needs")[0].startswith("--resize N")
    assert table(lines) == [["a dog", "4", "2"], ["cat", "4", "2"]]
    lines = call(f"info {source} --resize 8")
    assert said(lines, "size") == ["8 x 8, 3 channels, resized from 30 x 20 to 30 x 31 (12 sizes)"]
    assert said(lines, "digest") == [load_data(DataSpec(source, resize=8)).digest]


def test_info_of_a_data_set_of_hugging_face(tmp_path: Path) -> None:
    train = grey(count=7)
    source = saved(tmp_path / "d", both(train, train.select([4])))
    with pytest.warns(FeatsplitWarning) as caught:
        lines = call(f"info {source}")
    assert len(caught) == 1
    assert said(lines, "size") == ["6 x 5, 1 channel"]
    assert said(lines, "in both") == ["1 of 1 images", "test row 0 = train row 4"]
    assert table(lines) == [["cat", "4", "1"], ["dog", "3", "0"]]


def test_many_classes_are_shortened_and_the_screen_fits_80_columns(tmp_path: Path) -> None:
    names = [f"class {number:02d} with a name that is far longer than anything\tthat fits" for number in range(60)]
    counts = {"x_train": 600, "x_test": 60}
    arrays: dict[str, Any] = {name: pixels(count, 3, 3, seed=count) for name, count in counts.items()}
    labels = np.concatenate([np.arange(60), np.arange(540) % 30])
    np.savez(tmp_path / "a.npz", classes=names, y_train=labels, y_test=np.arange(60), **arrays)
    lines = call(f"info npz:{tmp_path / 'a.npz'}")
    assert max(map(len, lines[1:])) <= 80
    assert len(table(lines)) == 11
    assert table(lines)[-1] == ["and 50 more", "1 to 19", "1"]
    assert table(lines)[0][0] == "class 00 with a name th...han anything?that fits"


def test_short_names() -> None:
    assert short("abc", 5) == "abc"
    assert short("abcdefghij", 8) == "abc...ij"
    assert short("a\nb\x1b[31m", 20) == "a?b?[31m"


def test_info_and_show_of_a_file_of_ours_take_no_options_of_a_source(
    refused: Callable[[str], str], tmp_path: Path, digits: ImageData
) -> None:
    build_perturb(tmp_path / "a.h5", build("linear", shape=(1, 8, 8), classes=10), digits, Perturb(steps=1))
    call(f"info {tmp_path}/a.h5")
    for line in ("info {f} --limit 5", "show {f} --out {f}.png --classes 3,5", "show {f} --out {f}.png --split test"):
        assert f"a.h5: --{line.split('--')[-1].split()[0]}: is for a source of data; " in refused(
            line.format(f=tmp_path / "a.h5")
        )
    assert "a.h5: --seed: is for a source" in refused(f"show {tmp_path}/a.h5 --out {tmp_path}/b.png --seed 4")
    assert "--source digits: is where a derived set" in refused(f"show digits --source digits --out {tmp_path}/b.png")


def tile(picture: Path, lines: int, columns: int) -> Callable[[int, int], NDArray[Any]]:
    """The grey levels in the middle of an image on a sheet of one-coloured images."""
    array = np.asarray(Image.open(picture).convert("L"))
    height, width = (1.5 * lines + 0.1) * 110, (1.3 * columns + 0.4) * 110
    assert array.shape == (pytest.approx(height, abs=2), pytest.approx(width, abs=2))

    def level(line: int, column: int) -> Any:
        return array[int(110 * (1.5 * line + 0.85 + 0.1)), int(110 * (0.3 + 1.3 * column + 0.65))]

    return level


def flat(levels: list[int], labels: list[int], classes: int = 3) -> ImageData:
    """Images of one grey level each."""
    images = torch.tensor(levels, dtype=torch.uint8)[:, None, None, None].expand(-1, 1, 4, 4).clone()
    split = Split(images, torch.tensor(labels))
    return ImageData("flat", tuple(f"class {label}" for label in range(classes)), split, split)


def test_a_sheet_has_a_line_of_each_class_and_shows_its_images(tmp_path: Path) -> None:
    data = flat([10, 20, 110, 120, 130, 240], [0, 0, 2, 2, 2, 1])
    assert draw_sheet(tmp_path / "a.png", data, count=3) == ["class 0", "class 1", "class 2"]
    level = tile(tmp_path / "a.png", 3, 3)
    found = [[int(level(line, column)) for column in range(3)] for line in range(3)]
    assert found == [[10, 20, 255], [240, 255, 255], [110, 120, 130]]


def test_which_images_are_drawn_is_a_matter_of_the_seed_alone(tmp_path: Path) -> None:
    data = flat([row // 2 if row % 2 == 0 else 150 + row // 2 for row in range(200)], [0, 1] * 100, classes=2)
    pictures = []
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        draw_sheet(tmp_path / f"{name}.png", data, count=4, seed=seed)
        pictures.append((tmp_path / f"{name}.png").read_bytes())
    assert pictures[0] == pictures[1] != pictures[2]
    level = tile(tmp_path / "a.png", 2, 4)
    shown = [[int(level(line, column)) for column in range(4)] for line in range(2)]
    assert all(row == sorted(set(row)) for row in shown)
    assert max(shown[0]) < 110 < 140 < min(shown[1])


def test_show_draws_any_source_and_says_what(tmp_path: Path) -> None:
    lines = call(f"show folder:{photos(tmp_path / 'p')} --out {tmp_path}/a.png --count 2 --split test")
    assert lines == [f"{tmp_path}/a.png: up to 2 test images of each of 2 classes of folder:{tmp_path}/p"]
    tile(tmp_path / "a.png", 2, 2)
    lines = call(f"show digits --classes 3,5 --out {tmp_path}/b.png")
    assert lines == [f"{tmp_path}/b.png: up to 8 train images of each of 2 classes of digits"]


def test_of_many_classes_some_are_drawn_and_names_are_no_formulas(tmp_path: Path) -> None:
    data = flat([9] * 70, list(range(70)), classes=70)
    named = ImageData("flat", tuple(f"${label}_{{" for label in range(70)), data.train, data.test)
    drawn = draw_sheet(tmp_path / "a.png", named, count=1)
    assert len(drawn) == CLASSES
    assert (drawn[0], drawn[-1]) == ("$0_{", "$69_{")
    tile(tmp_path / "a.png", CLASSES, 1)
