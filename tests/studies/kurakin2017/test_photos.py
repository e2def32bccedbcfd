"""A sheet written, printed and photographed in simulation, and read back: from the command line, and piece by piece."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageFilter
from typer.testing import CliRunner

from featsplit.commands import app
from featsplit.engine.jobs import Worker
from featsplit.errors import FeatsplitError
from featsplit.runtime import CPU
from featsplit.studies import open_results
from featsplit.studies.kurakin2017.photographs.own import adversarial_of, kept_own, read_crops
from featsplit.studies.kurakin2017.photographs.sheet import (
    COLUMNS,
    LINES,
    PAGE,
    SIDE,
    Manifest,
    Pair,
    corner,
    read_manifest,
    rows_of,
    write_sheet,
)
from featsplit.studies.kurakin2017.place import Bench, Place


def call(*words: str, status: int = 0) -> str:
    """The output of a command that ends with this exit status."""
    result = CliRunner().invoke(app, words)
    if status:
        assert isinstance(result.exception, FeatsplitError), result.output
        return str(result.exception)
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture(scope="module")
def run(finished: Path) -> Path:
    """A run with photographs."""
    return finished


@pytest.fixture(scope="module")
def sheet(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sheet of three pairs of each method."""
    out = tmp_path_factory.mktemp("sheet") / "sheet"
    text = call("photos", str(run), "--sheet", str(out), "--pairs", "3")
    assert f"featsplit photos {run} --crops {out}" in text
    return out


def bench_of(run: Path) -> Bench:
    results = open_results(run)
    return Bench(Worker(run, CPU, None, print), Place(results.settings, 0))


def photograph(sheet: Path, out: Path, *, blur: float = 0.0, off: int = 0, ending: str = "png") -> None:
    """Print and photograph a sheet: cut each image of its pages, `off` by so many dots, blurred and larger."""
    out.mkdir(exist_ok=True)
    for place, pair in enumerate(read_manifest(sheet).pairs):
        with Image.open(sheet / f"page-{place // (COLUMNS * LINES) + 1}.png") as opened:
            page = opened.copy()
        for column, name in enumerate(pair.names):
            left, top = corner(place % (COLUMNS * LINES), column)
            box = (left + off, top - off, left + off + SIDE, top - off + SIDE)
            crop = page.crop(box).filter(ImageFilter.GaussianBlur(blur)).resize((3 * SIDE, 3 * SIDE), 0)
            crop.save(out / f"{name}.{ending}")


def test_exact_crops_are_the_images_to_the_level(run: Path, sheet: Path, tmp_path: Path) -> None:
    photograph(sheet, tmp_path)
    bench, manifest = bench_of(run), read_manifest(sheet)
    found = read_crops(tmp_path, manifest, (1, 8, 8))
    assert list(found.pairs) == list(manifest.pairs)
    assert torch.equal(found.clean, bench.test.images[rows_of(manifest.pairs)])
    assert torch.equal(found.adversarial, adversarial_of(bench, manifest.pairs))
    assert not found.missing


def test_perfect_photographs_destroy_nothing(run: Path, sheet: Path) -> None:
    """And as files, every pair of the sheet counts."""
    photograph(sheet, sheet)
    text = call("photos", str(run), "--crops", str(sheet))
    lines = [line for line in text.splitlines() if line.startswith("average:")]
    assert len(lines) == 3
    assert all(" 3          100" in line and " 0 (0 to " in line for line in lines), lines
    rows = kept_own(run)
    top = [row for row in rows if row["top"] == 1]
    assert {row["accuracy"] for row in top if row["measure"] in ("destroyed", "adversarial")} == {0.0}
    assert {row["accuracy"] for row in top if row["measure"] == "clean"} == {1.0}
    assert {row["n"] for row in top if row["case"] == "average"} == {3}
    assert "### Your own photographs" in (run / "report.md").read_text()
    assert max(map(len, text.split("\n\n")[0].splitlines())) <= 80


def test_black_photographs_have_lost_every_clean_image_but_those_of_one_class(run: Path, sheet: Path) -> None:
    manifest = read_manifest(sheet)
    for pair in manifest.pairs:
        for name in pair.names:
            Image.new("L", (50, 40)).save(sheet / f"{name}.png")
    call("photos", str(run), "--crops", str(sheet))
    bench = bench_of(run)
    seen = bench.network()(torch.zeros(1, 1, 8, 8)).argmax()
    right = (bench.test.labels[rows_of(manifest.pairs)] == seen).float().mean()
    rows = [row for row in kept_own(run) if row["measure"] == "clean, photographed" and row["case"] == "average"]
    assert np.mean([row["accuracy"] for row in rows if row["top"] == 1]) == pytest.approx(float(right))


def test_a_photograph_may_be_blurred_and_cut_badly_and_some_may_be_missing(
    run: Path, sheet: Path, tmp_path: Path
) -> None:
    out = tmp_path / "crops"
    photograph(sheet, out, blur=3.0, off=2, ending="jpg")
    (tmp_path / "manifest.json").write_text((sheet / "manifest.json").read_text())
    (out / "002-clean.jpg").unlink()
    text = call("photos", str(run), "--crops", str(out))
    assert "1 crops are missing: 002-clean" in text
    assert (
        sum(row["n"] for row in kept_own(run) if (row["measure"], row["case"], row["top"]) == ("clean", "average", 1))
        == 8
    )


def test_pages_have_the_images_at_their_corners_and_go_on_after_so_many(tmp_path: Path) -> None:
    count = COLUMNS * LINES + 1
    pairs = [Pair(number, "basic", 8, number, prefiltered=False) for number in range(1, count + 1)]
    clean = torch.randint(0, 256, (count, 3, 16, 16), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    pages = write_sheet(tmp_path, Manifest("key", 7, pairs), clean, 255 - clean)
    assert [page.name for page in pages] == ["page-1.png", "page-2.png"]
    with Image.open(pages[0]) as page:
        assert page.size == PAGE
    assert read_manifest(tmp_path / "crops") == Manifest("key", 7, pairs)
    photograph(tmp_path, tmp_path / "crops")
    found = read_crops(tmp_path / "crops", read_manifest(tmp_path), (3, 16, 16))
    assert torch.equal(found.clean, clean)
    assert torch.equal(found.adversarial, 255 - clean)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("name", "is called as no crop of the sheet; name it as is printed below the image: 001-clean.png"),
        ("damage", "001-clean.png: cannot be read: not an image; save it again"),
        ("nothing", "has no pair of crops; save them there as 001-clean.png, 001-adversarial.png ..."),
        ("manifest", "has no manifest.json, nor has the folder above; put the one of the sheet there"),
        ("manifest damaged", "manifest.json: is no manifest of a sheet; write it again with --sheet"),
        ("network", "the sheet is of another network than"),
        ("folder", "is no folder; give the one of your crops"),
        ("both", "give --sheet FOLDER to write one, or --crops FOLDER once it is photographed"),
    ],
)
def test_what_cannot_be_measured_is_refused(run: Path, sheet: Path, tmp_path: Path, change: str, says: str) -> None:
    photograph(sheet, tmp_path)
    manifest = json.loads((sheet / "manifest.json").read_text())
    if change == "network":
        manifest["network"] = "another"
    if change == "name":
        (tmp_path / "001-clean.png").rename(tmp_path / "IMG_4711.png")
    elif change == "damage":
        (tmp_path / "001-clean.png").write_bytes(b"no image")
    elif change == "nothing":
        for path in tmp_path.glob("*-clean.png"):
            path.unlink()
    if change != "manifest":
        text = "{}" if change == "manifest damaged" else json.dumps(manifest)
        (tmp_path / "manifest.json").write_text(text)
    folder = tmp_path / "gone" if change == "folder" else tmp_path
    more = ["--sheet", str(tmp_path / "again")] if change == "both" else []
    assert says in call("photos", str(run), "--crops", str(folder), *more, status=2)


def test_a_folder_that_is_no_run_has_no_photographs(tmp_path: Path) -> None:
    assert "is no finished run" in call("photos", str(tmp_path), "--sheet", str(tmp_path / "sheet"), status=2)
