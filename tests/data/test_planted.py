"""Planted data: the components are what they say, and matched filters read them off."""

import numpy as np
import pytest
import torch

from featsplit.data.images import Split
from featsplit.data.planted import Planted, kept, load_planted, planted_from, signal, truth_of
from featsplit.data.sources import DataSpec, load_data, spec_from
from featsplit.errors import FeatsplitError
from featsplit.metadata.plain import Fields

SMALL = "planted:classes=4,size=8,train=400,test=100"


def test_patterns_are_orthogonal_signs_that_share_no_pixel() -> None:
    patterns = truth_of(Planted(classes=5, size=8)).patterns
    every = torch.cat([patterns["robust"], patterns["nonrobust"]]).flatten(1)
    assert torch.equal(every @ every.T, torch.diag(torch.tensor([128.0] * 5 + [64.0] * 5)))
    assert set(every.flatten().tolist()) == {-1, 0, 1}
    assert float((patterns["robust"].abs().sum(dim=0) * patterns["nonrobust"].abs().sum(dim=0)).max()) == 0


def test_robust_patterns_are_slow_and_nonrobust_ones_fast() -> None:
    patterns = truth_of(Planted(classes=5, size=8)).patterns
    changes = {}
    for name, channel in (("robust", 0), ("nonrobust", 2)):
        plane = patterns[name][:, channel]
        changes[name] = (plane[:, 1:] != plane[:, :-1]).sum(dim=(1, 2)) + (plane[:, :, 1:] != plane[:, :, :-1]).sum(
            dim=(1, 2)
        )
    assert int(changes["robust"].max()) <= 2 * 8
    assert int(changes["nonrobust"].min()) >= 12 * 8


def test_the_patterns_are_all_walsh_functions() -> None:
    from scipy.linalg import hadamard

    from featsplit.data.planted import _walsh

    ours = {tuple(line) for line in _walsh(8).int().tolist()}
    theirs = {tuple(line) for line in np.kron(hadamard(8), hadamard(8)).tolist()}
    assert ours == theirs
    flips = [(torch.tensor(line).reshape(8, 8)[0].diff() != 0).sum() for line in _walsh(8).tolist()]
    assert flips[:8] == list(range(8))


def test_images_are_their_components_and_noise() -> None:
    asked = planted_from(f"{SMALL},noise=0.01")
    data, truth = load_planted(f"{SMALL},noise=0.01"), truth_of(asked)
    rest = data.test.images - 0.5
    for name, amplitude in (("robust", asked.robust), ("nonrobust", asked.nonrobust)):
        rest = rest - amplitude * truth.patterns[name][truth.test[name]]
    assert rest.std() == pytest.approx(0.01, rel=0.05)
    assert float(rest.abs().max()) < 0.06


def test_components_agree_with_labels_as_often_as_asked() -> None:
    source = "planted:classes=4,size=8,train=4000,robust_agrees=0.7,nonrobust_agrees=1"
    labels, truth = load_planted(source).train.labels, truth_of(planted_from(source))
    assert float((truth.train["robust"] == labels).float().mean()) == pytest.approx(0.7, abs=0.03)
    assert torch.equal(truth.train["nonrobust"], labels)
    others = truth.train["robust"][(truth.train["robust"] != labels) & (labels == 0)]
    assert torch.bincount(others, minlength=4).tolist()[0] == 0
    assert (torch.bincount(others, minlength=4)[1:] > 60).all()


def test_signal_of_a_component_is_its_amplitude() -> None:
    patterns = truth_of(Planted(classes=4, size=8)).patterns["robust"]
    labels = torch.arange(40) % 4
    images = 0.5 + 0.3 * patterns[labels]
    assert signal(images, labels, patterns) == pytest.approx((0.3, 0), abs=1e-5)
    assert signal(images, (labels + 1) % 4, patterns)[0] == pytest.approx(-0.1, abs=1e-5)
    noisy = images + 0.1 * torch.randn(images.shape, generator=torch.Generator().manual_seed(0))
    draws = [signal(noisy[rows], labels[rows], patterns)[0] for rows in torch.randint(40, (400, 40))]
    assert signal(noisy, labels, patterns)[1] == pytest.approx(np.std(draws), rel=0.15), "as over resampled images"


def test_kept_tells_which_component_was_removed() -> None:
    asked = planted_from(SMALL)
    data, truth = load_planted(SMALL), truth_of(asked)
    assert {name: share for name, (share, _) in kept(data.train, data.train, truth).items()} == {
        "robust": 1.0,
        "nonrobust": 1.0,
    }
    shown = truth.patterns["nonrobust"][truth.train["nonrobust"]]
    without = Split(data.train.images - asked.nonrobust * shown, data.train.labels)
    found = kept(without, data.train, truth)
    assert found["robust"][0] == pytest.approx(1, abs=0.02)
    assert found["nonrobust"][0] == pytest.approx(0, abs=0.02)


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
        ("planted:size=4", "size = 4: has no room for 20 patterns"),
        ("planted:size=12", "size = 12: must be a power of 2"),
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
def test_options_that_would_change_the_truth_are_refused(option: Fields, cure: str) -> None:
    with pytest.raises(FeatsplitError, match=cure):
        load_data(spec_from({"source": "planted", **option}))
