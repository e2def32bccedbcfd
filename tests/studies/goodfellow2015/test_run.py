"""The whole study, tiny, on the digits: every row, every published number, the page, and a second run."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from featsplit.commands import app
from featsplit.errors import FeatsplitError
from featsplit.metadata.training import training_of
from featsplit.models import load_model, read_metadata
from featsplit.report.rows import picked
from featsplit.report.terminal import in_brief
from featsplit.studies import open_results, page_of, read_settings
from featsplit.studies.goodfellow2015 import CLAIMS, PUBLISHED
from featsplit.studies.goodfellow2015.networks import RBF, networks
from featsplit.studies.goodfellow2015.page import SECTIONS
from featsplit.studies.goodfellow2015.rows import FREE_NOISE, UNCLIPPED
from featsplit.studies.goodfellow2015.settings import EXPERIMENTS, Settings
from tests.opening import check_opening

CHANGED = [
    "width=8", "rubbish=50", "radii=[0.1]", "data.limit=150", "data.limit_test=60", "maxout.epochs=2", "rbf.epochs=3",
    "softmax.epochs=2", "linear.sizes=[4,8]", "linear.draws=4", "linear.images=10", "linear.points=5",
    "adversarial.steps=2", "adversarial.nearest_steps=10", "adversarial.images=10", "alternatives.ensemble=2",
    "logistic.limit=60", "logistic.eps=[0.1,0.25]", "logistic.iterations=10", "logistic.steps=2",
]  # fmt: skip
NAMES = ("maxout-adversarial", "maxout-signs", "softmax")
SET = [word for one in CHANGED for word in ("--set", one)]
TINY = ["run", "goodfellow2015-digits", "--device", "cpu", "--workers", "1", *SET]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of one seed."""
    out = tmp_path_factory.mktemp("goodfellow") / "run"
    result = CliRunner().invoke(app, [*TINY, "--out", str(out)])
    assert "report.html" in result.output, result.exception
    return out


@pytest.mark.slow
def test_every_published_number_has_its_row_in_a_run_of_all_experiments(finished: Path) -> None:
    """But for those that are said not to be measured: a name that is spelt otherwise would hide one."""
    rows = open_results(finished).rows
    found = {number.what: len(picked(rows, **number.rows)) for number in PUBLISHED}
    missing = {what for what, count in found.items() if count == 0 and "both wrong" not in what}
    assert len(missing) == 3
    assert all(word in " ".join(missing) for word in ("CIFAR-10", "1600", "Boltzmann"))
    assert max(found.values()) == 1


@pytest.mark.slow
def test_every_claim_is_asked(finished: Path) -> None:
    results = open_results(finished)
    assert all(len(ask(results)) > 0 for ask in CLAIMS)
    assert sum(1 for ask in CLAIMS for claim in ask(results) if not claim.checks) == 0


@pytest.mark.slow
def test_the_page_has_every_section_and_the_picture_first(finished: Path) -> None:
    results, page = open_results(finished), (finished / "report.md").read_text()
    check_opening(finished)
    curves = page[page.index("### Training curves of ") :]
    assert all(f"{network.name}, epoch " in curves for network in networks(results.settings))
    assert max(map(len, in_brief(page_of(results)).splitlines())) <= 80
    assert page.index("![") < page.index("## What is stated")
    assert (finished / "seed0" / "fast.png").read_bytes().startswith(b"\x89PNG")
    assert set(SECTIONS) == set(EXPERIMENTS)
    for words in ("The linear explanation", "Logistic regression", "fast gradient sign method", "beside weight decay"):
        assert f"## {words}" in page or words in page
    assert "## Where lecture, paper and measurement differ" in page
    assert page.count("not comparable") > 20


@pytest.mark.slow
def test_rows_are_what_numpy_says_of_the_saved_network(finished: Path) -> None:
    """Softmax regression by hand: the clean error, the fast method, and its confidence on mistakes."""
    results = open_results(finished)
    model = load_model(finished / "seed0" / "models" / "softmax.safetensors")
    w, b = (value.detach().double().numpy() for value in (model.head.weight, model.head.bias))
    from featsplit.data.sources import load_data

    test = load_data(results.settings.data_of(0)).test
    inputs, labels = test.inputs().flatten(1).double().numpy(), test.labels.numpy()

    def read(x: np.ndarray) -> np.ndarray:
        exponent = np.exp(x @ w.T + b)
        found: np.ndarray = exponent / exponent.sum(axis=1, keepdims=True)
        return found

    gradient = (read(inputs) - np.eye(10)[labels]) @ w
    moved = inputs + 0.25 * np.sign(gradient)
    for attack, x in (("none", inputs), (UNCLIPPED, moved), ("fgsm", moved.clip(0, 1))):
        (row,) = picked(
            results.rows, experiment="networks", test_set="source", model="softmax", attack=attack,
            eps=None if attack == "none" else 0.25,
        )  # fmt: skip
        p = read(x)
        wrong = p.argmax(axis=1) != labels
        assert row["accuracy"] == pytest.approx(1 - wrong.mean())
        assert row["certainty"] == pytest.approx(p.max(axis=1).mean(), abs=1e-4)
        if wrong.any():
            assert row["confidence"] == pytest.approx(p.max(axis=1)[wrong].mean(), abs=1e-4)


@pytest.mark.slow
def test_a_second_run_takes_up_every_network_and_row(finished: Path) -> None:
    (finished / "run.json").unlink()
    kept = [*finished.glob("seed0/models/*"), *finished.glob("seed0/rows/*"), *finished.glob("seed0/logistic/*")]
    times, rows = {path: path.stat().st_mtime_ns for path in kept}, (finished / "rows.json").read_bytes()
    assert CliRunner().invoke(app, [*TINY, "--out", str(finished)]).exit_code in (0, 1)
    assert {path: path.stat().st_mtime_ns for path in kept} == times
    assert (finished / "rows.json").read_bytes() == rows


@pytest.mark.slow
def test_networks_that_are_compared_begin_alike_and_noise_is_that_of_the_seed(finished: Path) -> None:
    rows = open_results(finished).rows
    assert {row["n"] for row in picked(rows, model="maxout", attack=FREE_NOISE)} == {60}
    assert json.loads((finished / "rows.json").read_text())
    settings = open_results(finished).settings
    by_name = {one.name: one for one in networks(settings)}
    assert by_name["maxout"].seed(0) == by_name["maxout adversarial"].seed(0) != by_name["maxout 2"].seed(0)
    unit = load_model(finished / "seed0" / "models" / "rbf.safetensors", factory=RBF)
    torch.testing.assert_close(unit.head.weight.detach(), torch.eye(10))  # it is not trained


def test_an_experiment_trains_only_the_networks_that_it_wants() -> None:
    def wanted(*experiments: str) -> set[str]:
        settings = read_settings("goodfellow2015-digits", [f"experiments={list(experiments)}"])
        assert isinstance(settings, Settings)
        names = [one.name for one in networks(settings)]
        assert len(set(names)) == len(names)
        return set(names)

    assert wanted("logistic") == set()
    assert wanted("confidence") == {"softmax", "maxout"}
    assert wanted("linear") == {"maxout", "softmax 4x4", "softmax 8x8", "softmax 16x16"}
    assert wanted("adversarial") == {
        "maxout", "maxout adversarial", "maxout adversarial clipped", "maxout signs", "maxout uniform",
    }  # fmt: skip
    assert {"rbf", "maxout sigmoids", "maxout 5", "softmax"} <= wanted("alternatives")
    assert {"maxout adversarial", "softmax l1 0.0025", "maxout l1 2.5e-05"} <= wanted("decay")


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ("experiments=[]", "experiments = []: give one or more of linear, logistic, confidence, decay, adversarial, "
         "alternatives, each once"),
        ("experiments=['decay', 'decay']", "experiments = ['decay', 'decay']: give one or more of linear, logistic, "
         "confidence, decay, adversarial, alternatives, each once"),
        ("experiments=['confidense']", 'experiments = "confidense": must be one of linear, logistic, confidence, '
         'decay, adversarial, alternatives; did you mean "confidence"?'),
        ("linear.sizes=[8]", "linear.sizes = [8]: give two sides at least, and each once"),
        ("linear.points=6", "linear.points = 6: must be odd, and at least 5; the middle is the image"),
        ("alternatives.ensemble=1", "alternatives.ensemble = 1: must be at least 2"),
        ("decay.maxout_l1=[0.1, 0.1]", "decay.maxout_l1 = [0.1, 0.1]: give each once"),
        ("maxout.epochs=0", "maxout.epochs = 0: must be at least 1"),
        ("radii=[-0.1]", "radii = -0.1: must be greater than 0, and finite"),
        ("adversarial.images=0", "adversarial.images = 0: must be at least 1"),
    ],
)  # fmt: skip
def test_settings_out_of_range_are_refused(setting: str, says: str) -> None:
    with pytest.raises(FeatsplitError) as caught:
        read_settings("goodfellow2015-digits", [setting])
    assert str(caught.value) == says


@pytest.mark.slow
def test_networks_that_are_given_stand_in_the_place_of_those_that_are_trained(finished: Path, tmp_path: Path) -> None:
    """Its own network gives its own rows; the page says whose it is."""
    own = finished / "seed0" / "models" / "maxout.safetensors"
    words = [*TINY, "--experiments", "adversarial", "--set", f"networks.standard={own}", "--out", f"{tmp_path / 'run'}"]
    said = CliRunner().invoke(app, words).output
    note = f'"maxout" is the network of {own}.'
    assert note in said
    assert note in (tmp_path / "run" / "report.md").read_text()
    assert (tmp_path / "run" / "seed0" / "models" / "maxout.safetensors").read_bytes() == own.read_bytes()
    rows, before = open_results(tmp_path / "run").rows, open_results(finished).rows
    of = {"experiment": "networks", "model": "maxout"}
    assert picked(rows, **of) == picked(before, **of)
    of = {"experiment": "networks", "model": "maxout adversarial"}
    assert picked(rows, **of) == picked(before, **of)
    swapped = CliRunner().invoke(app, [*TINY, "--set", f"networks.adversarial={own}", "--out", f"{tmp_path / 'no'}"])
    assert "tells of standard training; must be an adversarially trained network" in str(swapped.exception)
    kinds = {name: training_of(read_metadata(own.with_name(f"{name}.safetensors")).recipe).kind for name in NAMES}
    assert kinds == {"maxout-adversarial": "adversarial", "maxout-signs": "standard", "softmax": "standard"}
