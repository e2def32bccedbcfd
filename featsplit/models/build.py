"""Build a classifier by the name of its architecture, or from the user's own `module:function`."""

import torch
from torch import nn

from featsplit.models import small
from featsplit.models.classifier import Classifier
from featsplit.models.encoder import encoder_of
from featsplit.models.imagenet import imagenet_network
from featsplit.models.libraries import library_network
from featsplit.models.paper import paper_network
from featsplit.models.user_code import network_of
from featsplit.models.wrapping import Headless, classifier_of, headless
from featsplit.records.models import ARCHITECTURES as ARCHITECTURES
from featsplit.records.models import IMAGENET_ARCHITECTURES, OUTPUT, PAPER_ARCHITECTURES
from featsplit.records.models import SMALL_ARCHITECTURES as SMALL_ARCHITECTURES
from featsplit.records.models import ModelSpec as ModelSpec

FEWEST = 2
"""Classes of a network of which only what comes before its head is wanted."""


def build(spec: ModelSpec | str, *, shape: tuple[int, int, int], classes: int, seed: int = 0) -> Classifier:
    """A freshly initialised Classifier for images (C, H, W) of `shape`; the same weights for the same `seed`.

    Of an encoder `classes` may be 0: it has no head; the head of one is all zeros.
    Raises FeatsplitError for an unknown architecture, a size it cannot take, or a network that gives no representation.
    """
    spec = ModelSpec(spec) if isinstance(spec, str) else spec
    spec.check()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed % 2**63)
        if spec.layer is not None:
            bare, place = headless_network(spec, shape=shape, classes=classes).network, f'model.arch = "{spec.arch}"'
            return encoder_of(bare, spec.layer, spec.pool, shape=shape, classes=classes, place=place)
        network = network_for(spec, shape=shape, classes=classes)
    return classifier_of(network, shape=shape, classes=classes, place=f'model.arch = "{spec.arch}"')


def headless_network(spec: ModelSpec, *, shape: tuple[int, int, int], classes: int) -> Headless:
    """The network of the encoder `spec`, without the layer that would compute its logits, if it has one.

    Where its whole output is the representation nothing is left out of it. It is made for as many classes as it was
    made for before (`built_for`), or for `classes`: what comes before the head may hang on that.
    """
    classes = spec.built_for or classes or FEWEST
    if spec.layer == OUTPUT and ":" in spec.arch:
        return Headless(network_for(spec, shape=shape, classes=classes if spec.is_code else 0), None)
    return headless(network_for(spec, shape=shape, classes=classes), shape=shape)


def network_for(spec: ModelSpec, *, shape: tuple[int, int, int], classes: int) -> nn.Module:
    """The network itself, as its library or its author makes it, before it is a Classifier."""
    if spec.is_code:
        return network_of(spec.arch, shape=shape, classes=classes)
    if ":" in spec.arch:
        return library_network(spec.arch, shape=shape, classes=classes)
    if spec.arch in PAPER_ARCHITECTURES:
        return paper_network(spec.arch, shape=shape, classes=classes)
    if spec.arch in IMAGENET_ARCHITECTURES:
        return imagenet_network(spec.arch, shape=shape, classes=classes)
    parameters = {name: value for name in ("width", "stages") if (value := getattr(spec, name)) is not None}
    network: nn.Module = getattr(small, spec.arch)(shape=shape, classes=classes, **parameters)
    return network
