"""Planted data: the components are what they say, and matched filters read them off."""

import numpy as np
import pytest
import torch
from scipy import fft

from featsplit.data.images import Split
from featsplit.data.planted import Planted, kept, load_planted, planted_from, signal, truth_of
from featsplit.data.sources import DataSpec, load_data
from featsplit.errors import FeatsplitError

SMALL = "planted:classes=4,size=8,train=400,test=100"


def test_templates_are_orthonormal() -> None:
    templates = truth_of(Planted(classes=5, size=8)).templates
    every = torch.cat([templates["robust"], templates["nonrobust"]]).flatten(1).double()
    assert torch.allclose(every @ every.T, torch.eye(10, dtype=torch.float64), atol=1e-5)


def test_robust_templates_are_low_and_nonrobust_ones_high_in_frequency() -> None:
    templates = truth_of(Planted(classes=5, size=8)).templates
    for name, low in (("robust", True), ("nonrobust", False)):
        spectrum = fft.dctn(templates[name][:, 0].numpy(), axes=(1, 2), norm="ortho") ** 2
        frequency = (spectrum * (np.arange(8)[:, None] + np.arange(8))).sum(axis=(1, 2))
        assert (frequency < 4).all() if low else (frequency > 10).all()


def test_images_are_their_components_and_noise() -> None:
    asked = planted_from(f"{SMALL},noise=0.01")
    data, truth = load_planted(f"{SMALL},noise=0.01"), truth_of(asked)
    rest = data.test.images - 0.5
    for name, length in (("robust", asked.robust), ("nonrobust", asked.nonrobust)):
        rest = rest - length * truth.templates[name][truth.test[name]]
    inside = (data.test.images > 0) & (data.test.images < 1)
    assert rest[inside].std() == pytest.approx(0.01, rel=0.1)


def test_components_agree_with_labels_as_often_as_asked() -> None:
    source = "planted:classes=4,size=8,train=4000,robust_agrees=0.7,nonrobust_agrees=1"
    labels, truth = load_planted(source).train.labels, truth_of(planted_from(source))
    assert float((truth.train["robust"] == labels).float().mean()) == pytest.approx(0.7, abs=0.03)
    assert torch.equal(truth.train["nonrobust"], labels)
    others = truth.train["robust"][(truth.train["robust"] != labels) & (labels == 0)]
    assert torch.bincount(others, minlength=4).tolist()[0] == 0
    assert (torch.bincount(others, minlength=4)[1:] > 60).all()


def test_signal_of_a_component_is_its_length() -> None:
    templates = truth_of(Planted(classes=4, size=8)).templates["robust"]
    labels = torch.arange(40) % 4
    images = 0.5 + 0.3 * templates[labels]
    assert signal(images, labels, templates) == pytest.approx(0.3, abs=1e-5)
    assert signal(images, (labels + 1) % 4, templates) == pytest.approx(-0.1, abs=1e-5)


def test_kept_tells_which_component_was_removed() -> None:
    asked = planted_from(SMALL)
    data, truth = load_planted(SMALL), truth_of(asked)
    assert kept(data.train, data.train, truth) == {"robust": 1.0, "nonrobust": 1.0}
    shown = truth.templates["nonrobust"][truth.train["nonrobust"]]
    without = Split(data.train.images - asked.nonrobust * shown, data.train.labels)
    found = kept(without, data.train, truth)
    assert found["robust"] == pytest.approx(1, abs=0.02)
    assert found["nonrobust"] == pytest.approx(0, abs=0.02)


def test_the_same_text_gives_the_same_data_and_another_seed_others() -> None:
    assert load_planted(SMALL).digest == load_data(DataSpec(SMALL)).digest
    assert load_planted(SMALL).digest != load_planted(f"{SMALL},seed=1").digest


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("planted:robus=1", "robus"),
        ("planted:robust=big", "robust = 'big': must be a number"),
        ("planted:noise=-1", "noise = -1: must be at least 0"),
        ("planted:robust_agrees=2", "robust_agrees = 2: must be in [0, 1]"),
        ("planted:classes=1", "classes = 1: must be at least 2"),
        ("planted:size=4", "size = 4: has no room for 20 orthogonal templates"),
        ("planted:train=0", "train = 0"),
    ],
)
def test_what_cannot_be_planted(source: str, message: str) -> None:
    with pytest.raises(FeatsplitError) as error:
        load_data(DataSpec(source))
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("option", "cure"), [({"resize": 8}, "planted:size=N"), ({"classes": ("0", "1")}, "classes=N")]
)
def test_options_that_would_change_the_truth_are_refused(option: dict[str, object], cure: str) -> None:
    with pytest.raises(FeatsplitError, match=cure):
        load_data(DataSpec("planted", **option))  # type: ignore[arg-type]
