"""Networks of timm, torchvision and RobustBench by their names there.

"timm:vit_tiny_patch16_224", "torchvision:convnext_tiny", "robustbench:cifar10/Linf/Carmon2019Unlabeled".

A name is looked up in the library's own list of models; nothing else is imported or called for it.
"""

import importlib
import importlib.util
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from types import ModuleType
from typing import Any, NamedTuple

from torch import nn

from featsplit.errors import FeatsplitError
from featsplit.models.user_code import raised

IMAGENET_MOMENTS = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Mean and standard deviation of ImageNet's pixels in [0, 1], which torchvision's networks are trained with."""
FROM_MINUS_ONE = ("inception_v3", "googlenet")
"""Networks of torchvision whose weights are of pixels from -1 to 1; it says so by a layer that it puts before them."""


class Moments(NamedTuple):
    """The normalisation that a network is trained with, by channel of pixels in [0, 1]."""

    mean: Sequence[float]
    std: Sequence[float]


def library_network(name: str, *, shape: tuple[int, int, int], classes: int, pretrained: bool = False) -> nn.Module:
    """The network `name` for images of `shape`; `pretrained`: with the weights that the library publishes.

    With 0 `classes` it computes no logits; torchvision's networks cannot but do so, and take as many as were published.

    FeatsplitError where the library is not installed, has no such network, it cannot be made for such images, or its
    published weights are of another number of classes.
    """
    library, _, model = name.partition(":")
    make = {"timm": _of_timm, "torchvision": _of_torchvision, "robustbench": _of_robustbench}[library]
    try:
        return make(model, shape, classes, pretrained)
    except FeatsplitError:
        raise
    except Exception as error:
        images = " x ".join(map(str, shape))
        raise FeatsplitError(
            f'model.arch = "{name}": cannot be made for images of {images} in {classes} classes: {raised(error)}'
        ) from error


def library_moments(name: str) -> Moments:
    """The normalisation of the network `name`, as its library says; FeatsplitError as of `library_network`."""
    library, _, model = name.partition(":")
    if library == "robustbench":  # its networks normalise images themselves
        return Moments((0.0,) * 3, (1.0,) * 3)
    if library == "torchvision":
        return Moments((0.5,) * 3, (0.5,) * 3) if model in FROM_MINUS_ONE else Moments(*IMAGENET_MOMENTS)
    said = _timm().get_pretrained_cfg(model)
    return Moments(*IMAGENET_MOMENTS) if said is None else Moments(said.mean, said.std)


def _of_timm(name: str, shape: tuple[int, int, int], classes: int, pretrained: bool) -> nn.Module:
    timm = _timm()
    _check_known("timm", name, timm.list_models(pretrained=False) if not timm.is_model(name) else [name])
    if pretrained and classes:
        said = timm.get_pretrained_cfg(name)
        _check_classes(f"timm:{name}", None if said is None else said.num_classes, classes)
    options = {"num_classes": classes, "in_chans": shape[0], "pretrained": pretrained}
    try:  # those that cut images into patches are made for one size
        network: nn.Module = timm.create_model(name, img_size=shape[1:], **options)
    except TypeError as error:
        if "img_size" not in str(error):
            raise
        network = timm.create_model(name, **options)
    return network


def _of_torchvision(name: str, shape: tuple[int, int, int], classes: int, pretrained: bool) -> nn.Module:
    models: Any = importlib.import_module("torchvision.models")
    _check_known("torchvision", name, models.list_models(module=models))
    if shape[0] != 3:
        raise FeatsplitError(f'model.arch = "torchvision:{name}": takes colour images; these have {shape[0]} channels')
    if not classes and not pretrained:
        raise FeatsplitError(f'model.arch = "torchvision:{name}": its output are logits; name a layer before them')
    options = {"image_size": shape[1]} if name.startswith("vit_") else {}
    options |= {"init_weights": True} if name in FROM_MINUS_ONE else {}
    published: Any = models.get_model_weights(name).DEFAULT if pretrained else None
    if published is not None:
        count = len(published.meta["categories"])
        _check_classes(f"torchvision:{name}", count, classes or count)
        classes = count
    network: nn.Module = models.get_model(name, weights=None, num_classes=classes, **options)
    if published is not None:
        network.load_state_dict(published.get_state_dict(check_hash=True, weights_only=True))
    return network


def _of_robustbench(name: str, shape: tuple[int, int, int], classes: int, pretrained: bool) -> nn.Module:
    """The network DATA/THREAT/NAME of its model zoo, which decides its number of classes; its weights are in a file."""
    if pretrained:
        raise FeatsplitError(f"robustbench:{name}: its weights are in a file; give that, robustbench:FILE.pt")
    known = {
        f"{data.value}/{threat.value}/{model}": made["model"]
        for data, by_threat in _zoo().items()
        for threat, models in by_threat.items()
        for model, made in models.items()
        if callable(made.get("model"))
    }
    _check_known("robustbench", name, list(known))
    network: nn.Module = known[name]()
    return network


def _zoo() -> Any:
    """RobustBench's networks, by data, threat model and name.

    Its package itself would import what downloads and evaluates them, which networks alone do not need: it is passed
    over.
    """
    found = importlib.util.find_spec("robustbench")
    if found is None:
        raise FeatsplitError(
            "model.arch: robustbench is not installed; pip install --no-deps robustbench torchdiffeq geotorch"
        )
    passed_over = "robustbench" not in sys.modules
    if passed_over:
        package = ModuleType("robustbench")
        package.__spec__ = found
        package.__path__ = list(found.submodule_search_locations or ())
        sys.modules["robustbench"] = package
    try:
        return importlib.import_module("robustbench.model_zoo.models").model_dicts
    except ImportError as error:
        raise FeatsplitError(f"model.arch: RobustBench's networks cannot be imported: {raised(error)}") from error
    finally:
        if passed_over:
            del sys.modules["robustbench"]


def _timm() -> Any:
    try:
        return importlib.import_module("timm")
    except ImportError as error:
        raise FeatsplitError('model.arch: timm is not installed; pip install "featsplit[timm]"') from error


def _check_known(library: str, name: str, known: Sequence[str]) -> None:
    if name in known:
        return
    nearest = get_close_matches(name, known, n=3)
    hint = f"did you mean {', '.join(nearest)}?" if nearest else "the library lists those that it has"
    raise FeatsplitError(f'model.arch = "{library}:{name}": {library} has no such network; {hint}')


def _check_classes(name: str, published: int | None, classes: int) -> None:
    if published != classes:
        raise FeatsplitError(
            f"{name}: its published weights are of {published or 'no'} classes, the data have {classes}; give those of "
            "a network of these classes (--weights FILE)"
        )
