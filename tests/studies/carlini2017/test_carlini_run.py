"""A small run on the digits: every experiment, its rows, that it is taken up, and its page."""

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from featsplit.commands import app
from featsplit.errors import FeatsplitError
from featsplit.models import load_model
from featsplit.outcomes import unpacked_numbers
from featsplit.report.rows import picked
from featsplit.runtime import CPU, frozen
from featsplit.studies import open_results, read_settings
from featsplit.studies.carlini2017.cases.measure import examples_file, read_examples
from featsplit.studies.carlini2017.networks import Network
from featsplit.studies.carlini2017.rows import CarliniRow
from featsplit.studies.carlini2017.searching import ATTACKS, CARLINI, NEAREST
from tests.opening import check_opening

SETTINGS = (
    'data.classes=["1","3","8"]', "model.arch=mlp", "model.width=32", "train.epochs=8", "distill.epochs=8",
    "distill.lr=0.01", "search.steps=12", "search.rounds=5", "search.closest=30", "search.sparse=20",
    "objectives.images=3", "objectives.all_targets=2", "objectives.steps=15", "objectives.rounds=4",
    "objectives.fixed=4", "objectives.constants=[0.1,10.0]", "cases.images=2",
    "distillation.temperatures=[1.0,10.0,100.0]", "distillation.attacked=40", "distillation.images=2",
    "distillation.lbfgs=1", "transfer.images=4", "transfer.steps=12", "transfer.rounds=3",
    "transfer.confidences=[0.0,2.0]", 'experiments=["objectives","cases","distillation","transfer","pictures"]',
)  # fmt: skip
SMALL = ["carlini2017-digits", "--device", "cpu", "--workers", "1", *(f"--set={one}" for one in SETTINGS)]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("carlini") / "run"
    result = CliRunner().invoke(app, ["run", *SMALL, "--out", str(out)])
    assert result.exit_code == 0, result.output
    return out


@pytest.fixture(scope="module")
def rows(finished: Path) -> list[CarliniRow]:
    return list(open_results(finished).rows)


def test_every_experiment_leaves_its_rows(rows: list[CarliniRow]) -> None:
    cases = Counter((row["training"], row["attack"], row["norm"]) for row in picked(rows, experiment="cases"))
    standard = {("standard", one.name, one.norm): 1 if one.name == "deepfool" else 3 for one in ATTACKS}
    distilled = {("distilled at 100", one.name, one.norm): 3 for one in (*CARLINI, *NEAREST)}
    assert cases == standard | distilled
    objectives = picked(rows, experiment="objectives")
    assert len(objectives) == 7 * 3 * 3 + (2 + 1) + (7 + 1)
    by_temperature = Counter(row["temperature"] for row in picked(rows, experiment="distillation"))
    assert by_temperature == {1.0: 14, 10.0: 14, 100.0: 14}
    assert len(picked(rows, experiment="transfer")) == 2 * 2 * 3


def test_the_examples_are_what_the_rows_say(finished: Path, rows: list[CarliniRow]) -> None:
    """Read again: each is of its class, inside of [0, 1], and as far from its image as its distance says."""
    network = Network()
    model = frozen(load_model(finished / network.file(0)), CPU.exact)
    for attack in (one for one in ATTACKS if one.name != "deepfool"):
        found = read_examples(finished / examples_file(0, network, attack))
        own = {"experiment": "cases", "training": "standard", "attack": attack.name, "norm": attack.norm}
        for case, least in (("best", found.distances.amin(dim=1)), ("worst", found.distances.amax(dim=1))):
            (row,) = picked(rows, **own, case=case)
            np.testing.assert_array_equal(least, unpacked_numbers(row["distances"]))
        reached = found.distances.isfinite()
        targets = (found.labels[:, None] + torch.arange(1, 3)) % 3
        images = found.adversarial[reached]
        assert torch.equal(model(images).argmax(dim=1), targets[reached])
        assert float(images.min()) >= 0
        assert float(images.max()) <= 1
        change = (found.adversarial - found.inputs[:, None])[reached].flatten(1)
        order = {"l2": 2, "linf": np.inf}.get(attack.norm, 0)
        np.testing.assert_allclose(np.linalg.norm(change, ord=order, axis=1), found.distances[reached], rtol=1e-5)


def test_the_gradient_is_hidden_by_temperature_and_comes_back_with_it(rows: list[CarliniRow]) -> None:
    clean = {row["temperature"]: row for row in picked(rows, experiment="distillation", attack="none")}
    assert clean[1.0]["vanished"] == 0
    assert clean[100.0]["vanished"] > 0.5
    assert clean[100.0]["logits"] > 20 * clean[1.0]["logits"]
    plain, cooled = (picked(rows, attack=name, temperature=100.0)[0]["accuracy"] for name in ("fgsm", "fgsm, Z/T"))
    assert cooled < plain


def test_networks_are_taken_up_and_rows_without_their_images_are_made_again(finished: Path) -> None:
    (finished / "run.json").unlink()
    lost = finished / examples_file(0, Network(), CARLINI[1])
    before, images = (finished / "rows.json").read_bytes(), lost.read_bytes()
    lost.unlink()
    networks = {path: path.stat().st_mtime_ns for path in finished.glob("seed0/networks/*")}
    assert len(networks) == 1 + 4 + 4
    assert CliRunner().invoke(app, ["run", *SMALL, "--out", str(finished)]).exit_code == 0
    assert {path: path.stat().st_mtime_ns for path in finished.glob("seed0/networks/*")} == networks
    assert (finished / "rows.json").read_bytes() == before
    assert lost.read_bytes() == images


def test_the_page_has_pictures_first_then_verdicts_tables_and_published_numbers(finished: Path) -> None:
    page = (finished / "report.md").read_text()
    curves = page[page.index("## Training curves") :]
    assert "standard, epoch " in curves
    assert "under attack (green: pgd linf " in curves
    names = ("distilled", "l2", "l0-pixels", "linf", "synthetic")
    assert all((finished / f"seed0/pictures/{name}.png").read_bytes()[:4] == b"\x89PNG" for name in names)
    places = [page.index(f"pictures/{name}.png") for name in names]
    headings = ("What is stated", "Best, average", "Defensive distillation", "Examples of high", "Seven objectives")
    places += [page.index(f"## {heading}") for heading in (*headings, "Where lecture, paper", "The files, and how")]
    places.append(page.index("nothing comparable beside"))
    assert max(places[:5]) < min(places[5:])
    assert places[5:] == sorted(places[5:])
    assert "other data (digits)" in page
    assert "not comparable" in page
    assert json.loads((finished / "run.json").read_text())["settings"]["study"] == "carlini2017"


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ('experiments=["pictures"]', 'experiments "pictures": draws what "cases" finds; add that'),
        ('experiments=["case"]', 'experiments = "case": must be one of objectives, cases, distillation, transfer, '
         'pictures; did you mean "cases"?'),
        ("distillation.temperatures=[10.0]", "distillation.temperatures = [10.0]: must be 1 and at least two more, "
         "ascending; the first is compared with"),
        ("transfer.confidences=[5.0, 0.0]", "transfer.confidences = [5.0, 0.0]: must be two or more, at least 0, "
         "ascending"),
        ("distillation.eps=2.0", "distillation.eps = 2: must be above 0 and at most 1, in linf"),
        ("search.steps=0", "search.steps = 0: must be at least 1"),
        ("objectives.images=0", "objectives.images = 0: must be at least 1"),
        ("objectives.constants=[1.0, 0.1]", "objectives.constants = [1.0, 0.1]: must ascend"),
        ("distill.lr=0.0", "distill.lr = 0: must be greater than 0, and finite"),
    ],
)  # fmt: skip
def test_settings_out_of_range_are_refused(setting: str, says: str) -> None:
    with pytest.raises(FeatsplitError) as caught:
        read_settings("carlini2017-digits", [setting])
    assert str(caught.value) == says


@pytest.mark.slow
def test_a_network_that_is_given_is_attacked_in_the_place_of_one_that_is_trained(
    finished: Path, rows: list[CarliniRow], tmp_path: Path
) -> None:
    given = f"networks.standard={finished}/{Network().file(0)}"
    alone = 'experiments=["objectives"]'
    words = ["run", *SMALL, "--set", alone, "--set", given, "--out", str(tmp_path / "given")]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    found = json.loads((tmp_path / "given" / "rows.json").read_text())
    assert picked(found, experiment="objectives") == picked(rows, experiment="objectives")
    files = sorted(path.name for path in (tmp_path / "given").rglob("*.safetensors"))
    assert files == [Path(Network().file(0)).name], "nothing is trained"


def test_the_page_opens_as_all_do(finished: Path) -> None:
    check_opening(finished)
