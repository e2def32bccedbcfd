"""A network as it is built, and a short recipe."""

import torch
from torch import Tensor

from featsplit.data.images import ImageData
from featsplit.models.build import build
from featsplit.models.classifier import Classifier
from featsplit.training import Recipe

SHORT = Recipe(epochs=3, batch_size=50, lr=0.1, schedule="one-cycle")


def fresh(data: ImageData) -> Classifier:
    return build("cnn", shape=data.shape, classes=len(data.classes), seed=5)


def weights(model: Classifier) -> Tensor:
    return torch.cat([tensor.detach().flatten().float() for tensor in model.state_dict().values()])
