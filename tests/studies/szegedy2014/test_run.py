"""A small run on the digits: what is attacked, what is taken up again, and what the page says."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from featsplit.commands import app
from featsplit.data.sources import DataSpec, load_data
from featsplit.errors import FeatsplitError
from featsplit.models import ModelSpec, build, load_model, save_model
from featsplit.outcomes import unpacked_numbers
from featsplit.studies import open_results, read_settings
from featsplit.studies.szegedy2014.attacking import amplified
from featsplit.studies.szegedy2014.networks import MODELS
from featsplit.studies.szegedy2014.stages import tensors_of
from tests.opening import check_opening

SMALL = [
    *("szegedy2014-digits", "--device", "cpu", "--workers", "1"),
    *("--set", "data.limit=150", "--set", "images=4", "--set", "iterations=30", "--set", "encoder_iterations=3"),
    *("--set", "attack_iterations=5", "--set", "bisections=1", "--set", "directions=10", "--set", "bounded=10"),
    *("--set", "convolutional.model.arch=cnn", "--set", "convolutional.model.width=4"),
    *("--set", "convolutional.standard.epochs=3", "--set", "convolutional.adversarial.epochs=1"),
]
NETWORKS, ARMS = 9, 3


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of everything."""
    out = tmp_path_factory.mktemp("szegedy") / "run"
    result = CliRunner().invoke(app, ["run", *SMALL, "--out", str(out)])
    assert result.exit_code == 0, result.output
    assert max(map(len, result.output.split("made for", 1)[1].splitlines())) <= 80
    return out


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ('experiments=["unit"]', 'experiments[0] = "unit": must be one of units, models, halves, spectral'),
        ("noise=[0.1, 0.1]", "noise = [0.1, 0.1]: give one or more standard deviations, each once"),
        ("images=0", "images = 0: must be at least 1"),
        ("amplified=0.0", "amplified = 0: must be greater than 0, and finite"),
        ("convolutional.penalty=-1.0", "convolutional.penalty = -1: must be at least 0, and finite"),
        (
            'convolutional.model.arch="densenet10"',
            'convolutional.model.arch = "densenet10": must be one of cnn',
        ),
        ('convolutional.standard.adversary.attack="pgd"', "convolutional.standard.adversary: only convolutional.adv"),
    ],
)
def test_settings_out_of_range_are_refused(setting: str, says: str) -> None:
    with pytest.raises(FeatsplitError) as caught:
        read_settings("szegedy2014-digits", [setting])
    assert str(caught.value).startswith(says)


def test_a_second_run_takes_up_networks_and_distorted_images(finished: Path) -> None:
    (finished / "run.json").unlink()
    kept = [*finished.glob("seed0/*/*.safetensors"), *finished.glob("seed0/models/*.json")]
    assert len(kept) == NETWORKS + ARMS + NETWORKS + NETWORKS
    times, rows = {path: path.stat().st_mtime_ns for path in kept}, (finished / "rows.json").read_bytes()
    assert CliRunner().invoke(app, ["run", *SMALL, "--out", str(finished)]).exit_code == 0
    assert {path: path.stat().st_mtime_ns for path in kept} == times
    assert (finished / "rows.json").read_bytes() == rows


def test_all_networks_of_a_table_are_shown_the_same_images_with_the_same_wrong_targets(finished: Path) -> None:
    for group in ("fc10-1", "half-fc100-100-10"):
        others = [
            path for path in finished.glob("seed0/distorted/*") if path.stem.startswith("half") == ("half" in group)
        ]
        tensors = [tensors_of(path) for path in others]
        assert len({tuple(one["targets"].tolist()) for one in tensors}) == 1
        assert all(torch.equal(one["inputs"], tensors[0]["inputs"]) for one in tensors)
        assert (tensors[0]["targets"] != tensors[0]["labels"]).all()


def test_every_image_is_predicted_rightly_by_all_networks_before_it_is_distorted(finished: Path) -> None:
    for network in MODELS:
        factory = network.arch if ":" in network.arch else None
        model = load_model(finished / "seed0" / "models" / f"{network.file}.safetensors", factory=factory)
        kept = tensors_of(finished / "seed0" / "distorted" / f"{network.file}.safetensors")
        with torch.no_grad():
            assert (model(kept["inputs"]).argmax(dim=1) == kept["labels"]).all()


def test_the_distances_in_the_rows_are_those_of_the_images(finished: Path) -> None:
    kept = tensors_of(finished / "seed0" / "distorted" / "fc10-1.safetensors")
    far = np.linalg.norm((kept["distorted"] - kept["inputs"]).flatten(1).double().numpy(), axis=1)
    (row,) = [
        row
        for row in open_results(finished).rows
        if row.get("made_for") == row["training"] == "FC10(1)" and row["experiment"] == "models"
    ]
    np.testing.assert_allclose(unpacked_numbers(row["distances"]), far, rtol=1e-5)
    assert (unpacked_numbers(row["exact"]) <= far * 1.001).all()
    assert (unpacked_numbers(row["nearest"]) <= unpacked_numbers(row["exact"])).all()


def test_noise_adds_errors_and_is_the_same_for_all(finished: Path) -> None:
    rows = [row for row in open_results(finished).rows if row["experiment"] == "models" and row["split"] == "test"]
    by = {(row["training"], row["eps"]): row["accuracy"] for row in rows if "made_for" not in row}
    assert len(by) == 6 * 4
    for name in {name for name, _ in by}:
        assert by[name, 1.0] < by[name, 0.0]


def test_an_amplified_distortion_has_its_rms_and_its_direction() -> None:
    inputs = torch.rand(4, 1, 5, 5, generator=torch.Generator().manual_seed(0))
    delta = 0.01 * torch.randn(4, 1, 5, 5, generator=torch.Generator().manual_seed(1))
    found = (amplified(inputs, inputs + delta, 0.1) - inputs).flatten(1).double().numpy()
    np.testing.assert_allclose(np.sqrt((found**2).mean(axis=1)), 0.1, rtol=1e-4)
    way = delta.flatten(1).double().numpy()
    np.testing.assert_allclose((found * way).sum(axis=1), np.linalg.norm(found, axis=1) * np.linalg.norm(way, axis=1))


def test_the_page_has_pictures_first_then_verdicts_tables_and_published_numbers(finished: Path) -> None:
    page = (finished / "report.md").read_text()
    curves = page[page.index("## Training curves") :]
    assert "convolutional adversarial, epoch " in curves
    assert "under attack (green: pgd l2 " in curves
    places = [
        page.index(text)
        for text in (
            "plots/fools.svg", "pictures/models.png", "## What is stated", "## Six networks",
            "## Networks of two halves", "## Units and random", "## The spectral norm",
            "## Where lecture, paper and measurement differ", "## The files, and how", "nothing comparable beside",
        )
    ]  # fmt: skip
    assert places == sorted(places)
    assert "| made for FC10(1), error of FC100-100-10 | Table 2 | 48.1 |" in page
    assert page.count("not comparable |") >= 12 + 15 + 8 + 9 + 18 + 6 + 9
    assert json.loads((finished / "run.json").read_text())["settings"]["study"] == "szegedy2014"


def test_what_is_known_holds(finished: Path) -> None:
    known = [
        line for line in (finished / "report.md").read_text().splitlines() if "no distortion found is shorter" in line
    ]
    known += [
        line for line in (finished / "report.md").read_text().splitlines() if "within the certified radius" in line
    ]
    assert len(known) == 2
    assert all("| holds |" in line for line in known)


def test_one_experiment_alone_has_its_own_networks_and_page(tmp_path: Path) -> None:
    out = tmp_path / "run"
    assert CliRunner().invoke(app, ["run", *SMALL, "--experiments", "units", "--out", str(out)]).exit_code == 0
    assert [path.name for path in out.glob("seed0/models/*")] == ["convolutional-standard.safetensors"]
    assert "published numbers" not in (out / "report.md").read_text()


def test_the_page_opens_as_all_do(finished: Path) -> None:
    check_opening(finished)


def test_networks_that_are_given_stand_in_the_place_of_the_convolutional_ones(finished: Path, tmp_path: Path) -> None:
    own = {
        arm: finished / "seed0" / "models" / f"convolutional-{arm}.safetensors" for arm in ("standard", "adversarial")
    }
    given = [word for arm, path in own.items() for word in ("--set", f"networks.{arm}={path}")]
    words = ["run", *SMALL, "--experiments", "units,spectral", *given, "--out", f"{tmp_path / 'run'}"]
    assert "The convolutional network of standard training is that of" in CliRunner().invoke(app, words).output
    for experiment in ("units", "spectral"):
        rows, before = (
            [row for row in open_results(folder).rows if row["experiment"] == experiment]
            for folder in (tmp_path / "run", finished)
        )
        assert rows == before
        assert rows
    assert (tmp_path / "run" / "seed0" / "models" / own["adversarial"].name).read_bytes() == own[
        "adversarial"
    ].read_bytes()


def test_bounds_are_refused_of_a_network_whose_layers_are_no_chain(tmp_path: Path) -> None:
    data = load_data(DataSpec("digits", limit=150))
    own, spec = tmp_path / "maxout.safetensors", ModelSpec("maxout", width=4)
    model = build(spec, shape=data.shape, classes=10)
    save_model(model, own, spec=spec, extra={"recipe": {"adversary": None}, "data_digest": data.digest})
    words = ["run", *SMALL, "--set", f"networks.standard={own}", "--out", f"{tmp_path / 'run'}", "--experiments"]
    refused = CliRunner().invoke(app, [*words, "spectral"])
    assert "the bounds of maxout are not known" in str(refused.exception)
    taken = CliRunner().invoke(app, [*words, "units"])
    assert "purity: units" in taken.output
