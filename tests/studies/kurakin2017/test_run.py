"""A run of every experiment on a part of the digits: its rows, its page, what is taken up; and settings refused."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from featsplit.data.sources import DataSpec, load_data
from featsplit.errors import FeatsplitError
from featsplit.models import load_model
from featsplit.outcomes import unpacked
from featsplit.report.rows import picked
from featsplit.studies import open_results, read_settings
from featsplit.studies.kurakin2017.examples import METHODS, read_examples
from featsplit.studies.kurakin2017.rows import KurakinRow
from featsplit.studies.kurakin2017.transformations.images import RANGES
from tests.opening import check_opening
from tests.pages import Page
from tests.studies.kurakin2017.conftest import carried_out


def rows_of(run: Path) -> Sequence[KurakinRow]:
    rows: Sequence[KurakinRow] = open_results(run).rows
    return rows


def test_rows_of_the_methods_are_what_the_network_says_of_the_kept_images(finished: Path) -> None:
    model = load_model(finished / "seed0/models/source.safetensors").eval()
    test = load_data(DataSpec("digits", limit=300, limit_test=60)).test
    for method in METHODS:
        images = read_examples(finished / f"seed0/examples/{method}-32.safetensors")
        with torch.no_grad():
            predicted = model(images / 255).argmax(1)
        right = float((predicted == test.labels).float().mean())
        (row,) = picked(rows_of(finished), experiment="methods", attack=method, levels=32)
        assert row["accuracy"] == pytest.approx(right)
        assert row["eps"] == 32 / 255
        assert (images / 255 - test.inputs()).abs().max() <= 32.5 / 255


def test_every_experiment_leaves_its_rows(finished: Path) -> None:
    rows = rows_of(finished)
    ways = sum(map(len, RANGES.values())) + 1
    assert len(picked(rows, experiment="transformations")) == ways * (1 + 3)
    assert len(picked(rows, experiment="storage")) == 4 * (3 + 2 * 2 + 1)
    assert len([row for row in picked(rows, experiment="photographs") if "measure" not in row]) == 3 * 2
    assert len(picked(rows, experiment="stored")) == 2 * 4


def test_identity_and_8_bits_destroy_nothing_and_change_no_prediction(finished: Path) -> None:
    rows = rows_of(finished)
    same = [row for row in picked(rows, transformation="identity") if row.get("of")]
    assert same
    assert {row["rate"] for row in same} == {0.0}
    assert {row["changed"] for row in picked(rows, experiment="stored")} == {0}


def test_repaired_images_fool_where_rounded_ones_do_not(finished: Path) -> None:
    for norm in ("l2", "linf"):
        alone, mended = (
            picked(rows_of(finished), experiment="storage", attack=f"closest {norm}{end}", stage="8-bit")[0]
            for end in ("", ", repaired")
        )
        assert mended["counted"] == alone["counted"]
        assert mended["rate"] == 0
        assert alone["rate"]
        assert mended["repaired"] >= 1


def test_every_stage_counts_the_same_images_and_all_of_them_fool_at_first(finished: Path) -> None:
    for method in METHODS:
        rows = picked(rows_of(finished), experiment="storage", attack=method)
        assert len({row["counted"] for row in rows}) == 1
        assert rows[0]["rate"] == rows[1]["rate"] == 0
        other = load_model(finished / "seed0/models/other.safetensors").eval()
        assert rows[-1]["stage"] == "other network"
        assert other.shape == (1, 8, 8)


def test_a_second_run_takes_up_models_images_and_rows(finished: Path) -> None:
    (finished / "run.json").unlink()
    kept = [*finished.glob("seed*/*/*.safetensors"), *finished.glob("seed*/rows/*.json")]
    times, rows = {path: path.stat().st_mtime_ns for path in kept}, (finished / "rows.json").read_bytes()
    assert len(times) > 24
    carried_out(finished)
    assert {path: path.stat().st_mtime_ns for path in kept} == times
    assert (finished / "rows.json").read_bytes() == rows


def test_images_that_are_gone_are_made_again(finished: Path) -> None:
    (finished / "run.json").unlink()
    path = finished / "seed0/examples/basic-32.safetensors"
    before, rows = read_examples(path).clone(), (finished / "rows.json").read_bytes()
    path.write_bytes(b"damaged")
    carried_out(finished)
    assert torch.equal(read_examples(path), before)
    assert (finished / "rows.json").read_bytes() == rows


def test_the_page_has_pictures_plots_verdicts_and_every_table(finished: Path) -> None:
    page = Page((finished / "report.html").read_text())
    pictures = [dict(tag[1])["alt"] for tag in page.tags if tag[0] == "img"]
    assert len(pictures) == 2
    assert sum(tag[0] == "svg" for tag in page.tags) == 3 + 1  # the training curves
    assert "source, epoch " in str(page.tags)
    assert "under attack (green: pgd linf " in str(page.tags)
    text = (finished / "report.md").read_text()
    assert text.index("![One image by each method") < text.index("## What is stated")
    (clean,) = picked(rows_of(finished), experiment="methods", attack="none")
    assert f"accuracy; clean {clean['accuracy']:.3f} ±" in text
    (row,) = picked(
        rows_of(finished), experiment="transformations", attack="fast", levels=64, transformation="jpeg", strength=10
    )
    right, counted = (unpacked(row[name], row["n"]) for name in ("outcomes", "counted"))
    rate = (right & counted).sum() / counted.sum()
    section = text[text.index("### linf 64/255") :]
    line = next(line for line in section.splitlines() if line.startswith("| jpeg 10 |"))
    assert line.split("|")[3].split()[0] == f"{rate:.3f}"
    assert "| not measured |" in text
    assert "8 bits undo" in text
    assert np.isfinite(rate)


def test_one_experiment_alone_needs_no_other_network(tmp_path: Path) -> None:
    more = ["--experiments", "methods", "--set", "eps=[32]"]
    assert "train other" not in carried_out(tmp_path, *more)
    assert {row["experiment"] for row in json.loads((tmp_path / "rows.json").read_text())} == {"methods", "stored"}
    assert "## Storage" not in (tmp_path / "report.md").read_text()


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ("eps=[]", "eps: is empty; give sizes in 255ths, such as [4, 8]"),
        ("stored=[8, 8]", "stored = [8, 8]: give each once"),
        ("transformed=[0]", "transformed = 0: must be from 1 to 255, in 255ths of the range of a pixel"),
        ("gate=1.0", "gate = 1: must be between 0 and 1, a probability"),
        ("pairs=0", "pairs = 0: must be at least 1"),
        (
            "experiments=[]",
            "experiments = []: give one or more of methods, transformations, photographs, storage, each once",
        ),
        (
            'experiments=["photograph"]',
            'must be one of methods, transformations, photographs, storage; did you mean "photographs"?',
        ),
        ('other.arch="vgg"', 'did you mean "vgg7"?'),
    ],
)
def test_settings_out_of_range_are_refused(setting: str, says: str) -> None:
    with pytest.raises(FeatsplitError) as caught:
        read_settings("kurakin2017-digits", [setting])
    assert str(caught.value).endswith(says)


@pytest.mark.slow
def test_a_network_that_is_given_is_attacked_in_the_place_of_one_that_is_trained(
    finished: Path, tmp_path: Path
) -> None:
    few = ["--experiments", "methods", "--set", "eps=[32]"]
    carried_out(tmp_path / "own", *few)
    given = f"networks.standard={finished}/seed0/models/source.safetensors"
    said = carried_out(tmp_path / "given", *few, "--set", given)
    assert "take source" in said
    assert "train source" not in said
    rows, own = (json.loads((tmp_path / name / "rows.json").read_text()) for name in ("given", "own"))
    assert rows == own


def test_the_page_opens_as_all_do(finished: Path) -> None:
    check_opening(finished)
