"""Prediction, image by image."""

import pytest
import torch

from featsplit.data.images import Split
from featsplit.runtime import (
    accuracy,
    batches,
    predict,
)
from tests.runtime.networks import DIGIT, lived, plain, rand


@pytest.mark.parametrize("training", [False, True])
def test_predict_reads_one_by_one_and_keeps_the_mode(training: bool) -> None:
    model = lived("resnet8").train(training)
    images = (255 * rand(11, *DIGIT, seed=7)).to(torch.uint8)
    found = predict(model, Split(images, torch.zeros(11, dtype=torch.int64)), batch_size=4)
    assert all(layer.training == training for layer in model.modules())
    alone = [int(plain(model, image[None] / 255).argmax()) for image in images]
    assert found.tolist() == alone
    assert len(set(alone)) > 1


def test_accuracy_is_the_share_of_labels_read() -> None:
    model, images = lived("resnet8"), rand(10, *DIGIT, seed=7)
    labels = plain(model, images).argmax(1)
    labels[:3] = (labels[:3] + 1) % 10
    assert accuracy(model, Split(images, labels)) == pytest.approx(0.7)


def test_batches_are_all_indices_in_order() -> None:
    assert [batch.tolist() for batch in batches(7, 3)] == [[0, 1, 2], [3, 4, 5], [6]]
