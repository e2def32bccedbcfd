"""The leakage bound on sets whose leak is known."""

import pytest
import torch
from sklearn.linear_model import LogisticRegression
from torch import nn

from featsplit.data.images import Split
from featsplit.data.planted import load_planted, planted_from, truth_of
from featsplit.evaluation import leaked_accuracy
from featsplit.evaluation.leakage import _logits
from featsplit.models.classifier import Classifier

PLANTED = "planted:classes=4,size=8,train=200,test=400,robust=0.15,nonrobust=0.03,robust_agrees=1"


@pytest.fixture
def filters() -> Classifier:
    """A linear network whose features are the robust patterns."""
    head = nn.Linear(192, 4)
    with torch.no_grad():
        head.weight.copy_(truth_of(planted_from(PLANTED)).patterns["robust"].flatten(1))
    return Classifier(nn.Flatten(), head, shape=(3, 8, 8)).eval()


def test_robust_features_tell_the_labels_of_the_source(filters: Classifier) -> None:
    data = load_planted(PLANTED)
    assert leaked_accuracy(filters, data.train, data.test) > 0.95


def test_labels_that_no_robust_feature_tells_leak_nothing(filters: Classifier) -> None:
    data = load_planted(PLANTED)
    drawn = torch.randint(4, (len(data.train),), generator=torch.Generator().manual_seed(0))
    assert leaked_accuracy(filters, Split(data.train.images, drawn), data.test) < 0.6


def test_labels_that_are_always_the_next_class_leak_as_the_next_class(filters: Classifier) -> None:
    data = load_planted(PLANTED)
    shifted = Split(data.train.images, (data.train.labels + 1) % 4)
    assert leaked_accuracy(filters, shifted, data.test) < 0.02
    assert leaked_accuracy(filters, shifted, Split(data.test.images, (data.test.labels + 1) % 4)) > 0.95


def test_the_classifier_is_scikit_learn_s(filters: Classifier) -> None:
    data = load_planted(f"{PLANTED},robust_agrees=0.6")
    train, test = (_logits(filters, split).numpy() for split in (data.train, data.test))
    scaled = [(values - train.mean(axis=0)) / train.std(axis=0, ddof=1) for values in (train, test)]
    other = LogisticRegression(C=1e3, max_iter=2000).fit(scaled[0], data.train.labels.numpy())
    expected = other.score(scaled[1], data.test.labels.numpy())
    assert leaked_accuracy(filters, data.train, data.test) == pytest.approx(expected, abs=0.01)
