"""The linear probe against scikit-learn's ridge and logistic regression, on the same features."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.linear_model import Ridge as SklearnRidge

from featsplit.data.images import ImageData
from featsplit.data.sources import DataSpec, load_data
from featsplit.errors import FeatsplitError
from featsplit.models import Classifier, build
from featsplit.models.encoder import cut
from featsplit.records.probes import SGD, LinearProbe, Ridge
from featsplit.runtime import accuracy
from featsplit.training import probing
from featsplit.training.probing import fit_head, representations, ridge


@pytest.fixture(scope="module")
def digits() -> ImageData:
    return load_data(DataSpec("digits", limit=600))


@pytest.fixture(scope="module")
def encoder(digits: ImageData) -> Classifier:
    """Random features, one of which never changes, of images that are normalised."""
    model = cut(build("cnn", shape=digits.shape, classes=2, seed=4).eval(), "output")
    model.normalise_to(torch.tensor([0.3]), torch.tensor([0.4]))
    return model


@pytest.mark.parametrize("images", [600, 20])
def test_ridge_is_that_of_scikit_learn(digits: ImageData, encoder: Classifier, images: int) -> None:
    """For more images than features and for fewer."""
    values = representations(encoder, digits.train)[:images]
    labels = digits.train.labels[:images]
    weight, bias = ridge(values, labels, classes=10, penalty=0.01)
    theirs = SklearnRidge(alpha=0.01 * images, solver="svd").fit(values.double().numpy(), np.eye(10)[labels.numpy()])
    np.testing.assert_allclose(weight.T.numpy(), theirs.coef_, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(bias.numpy(), theirs.intercept_, rtol=1e-6, atol=1e-8)


def test_the_head_reads_the_representation_itself(digits: ImageData, encoder: Classifier) -> None:
    """What was scaled to be fitted is not scaled again by anyone."""
    model = fit_head(encoder, digits, Ridge(penalty=0.01))
    values = representations(encoder, digits.train)
    scale = values.std(dim=0)
    alive = scale > 1e-6 * scale.max()
    scaled = ((values - values.mean(dim=0)) / torch.where(alive, scale, 1.0)).double().numpy()
    theirs = SklearnRidge(alpha=0.01 * 600, solver="svd").fit(scaled, np.eye(10)[digits.train.labels.numpy()])
    with torch.no_grad():
        logits = model(digits.train.inputs())
    np.testing.assert_allclose(logits.numpy(), theirs.predict(scaled), atol=2e-4)
    assert torch.equal(model.mean, encoder.mean)


def test_sgd_predicts_as_the_best_weights_do(digits: ImageData, encoder: Classifier) -> None:
    model = fit_head(encoder, digits, SGD(epochs=60, weight_decay=1e-3))
    values = representations(encoder, digits.train)
    scaled = ((values - values.mean(dim=0)) / values.std(dim=0).clamp_min(1e-3)).numpy()
    best = LogisticRegression(C=1 / (1e-3 * 600), max_iter=2000).fit(scaled, digits.train.labels.numpy())
    with torch.no_grad():
        predicted = model(digits.train.inputs()).argmax(dim=1).numpy()
    assert np.mean(predicted == best.predict(scaled)) > 0.97


@pytest.mark.parametrize("probe", [Ridge(), SGD(epochs=5)])
def test_a_probe_learns_and_is_the_same_again(digits: ImageData, encoder: Classifier, probe: LinearProbe) -> None:
    first, second = fit_head(encoder, digits, probe), fit_head(encoder, digits, probe)
    assert torch.equal(first.head.weight, second.head.weight)
    assert accuracy(first, digits.test) > 0.8
    assert first.body is encoder.body


def test_the_penalty_is_the_best_on_images_that_were_held_out(
    digits: ImageData, encoder: Classifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[tuple[float, int]] = []

    def noted(values: torch.Tensor, labels: torch.Tensor, *, classes: int, penalty: float) -> object:
        tried.append((penalty, len(values)))
        return ridge(values, labels, classes=classes, penalty=penalty)

    monkeypatch.setattr(probing, "ridge", noted)
    fit_head(encoder, digits, Ridge())
    assert {count for _, count in tried[:-1]} == {540}
    assert sorted(penalty for penalty, _ in tried[:-1]) == sorted(probing.PENALTIES)
    assert tried[-1][1] == 600


def test_what_cannot_be_probed(digits: ImageData, encoder: Classifier, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(FeatsplitError, match=r"probe\.penalty = -1: must be greater than 0"):
        fit_head(encoder, digits, Ridge(penalty=-1))
    with pytest.raises(FeatsplitError, match=r"probe\.epochs = 0: must be at least 1"):
        fit_head(encoder, digits, SGD(epochs=0))
    monkeypatch.setattr(probing, "LARGEST", 30)
    with pytest.raises(FeatsplitError, match="take --method sgd, or another --pool"):
        fit_head(encoder, digits, Ridge(penalty=1.0))
