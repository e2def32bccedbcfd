"""The ResNet-50s that the authors published (github.com/MadryLab/robustness): `cifar_nat.pt`, `cifar_l2_0_5.pt` ...

Such a file is a dict, saved with dill, in which `model` is the state of the network with its normalisation and its
attacker inside, hence keys such as `module.model.conv1.weight`; beside it lie the optimiser's state and much else.
"""

import hashlib
from pathlib import Path

import torch
from torch import Tensor

from featsplit.data.madrylab import CIFAR10
from featsplit.errors import FeatsplitError
from featsplit.metadata.training import Training, adversary_of
from featsplit.models.build import ModelSpec, build
from featsplit.models.checkpoints import save_model, versions
from featsplit.models.classifier import Classifier
from featsplit.pickles import Inert, TorchFile, opened, weights

OURS = {"head.": "model.linear.", "body.": "model.", "mean": "normalizer.new_mean", "std": "normalizer.new_std"}
"""How a name of our Classifier begins, and what stands there in the file."""
PUBLISHED: dict[str, dict[str, str | float] | None] = {
    "cifar_nat.pt": None,
    **{f"cifar_l2_{name}.pt": {"norm": "l2", "eps": eps} for name, eps in (("0_25", 0.25), ("0_5", 0.5), ("1_0", 1.0))},
    "cifar_linf_8.pt": {"norm": "linf", "eps": 8 / 255},
}
"""Who attacked during training, by the names of the published files."""


def load_madrylab(path: str | Path) -> Classifier:
    """The published ResNet-50 at `path` for 3 x 32 x 32 images in [0, 1] and 10 classes, on the CPU, in eval mode.

    Weights only: what `model` holds must be tensors and nothing else, and exactly those of this network with its
    normalisation; anything else in there is refused by its name. What lies beside `model` in the file is skipped.
    Nothing in the file is executed, inside `model` or outside: no name in it is ever imported or called. Its network
    clamps its inputs to [0, 1] before it normalises; ours takes inputs that are there.
    """
    path = Path(path)
    with opened(path) as file:
        tensors = _weights(file, path)
        model = build("resnet50", shape=(3, 32, 32), classes=10)
        state = _state(file, tensors, model.state_dict(), path=path)
    model.load_state_dict(state)
    return model.eval()


def import_madrylab(path: Path, out: Path, training: Training = Training()) -> Classifier:
    """The published ResNet-50 at `path` (see `load_madrylab`), saved at `out` as a checkpoint of ours.

    How it was trained stands in its file's name alone: the metadata say it for the published names, and for others what
    is told as `training`.
    """
    model = load_madrylab(path)
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    recipe = {
        "imported from": path.name,
        "sha256": digest,
        "adversary": PUBLISHED.get(path.name, adversary_of(training)),
    }
    extra = {"trained_on": "cifar10", "class_names": CIFAR10, "recipe": recipe, "versions": versions()}
    save_model(model, out, spec=ModelSpec("resnet50"), extra=extra)
    return model


def _weights(file: TorchFile, path: Path) -> dict[str, Inert]:
    """The tensors of the network in the file, unread, by their names in it."""
    tree = file.tree if isinstance(file.tree, dict) else {}
    place = next((name for name in ("model", "state_dict") if name in tree), None)  # the second in its older versions
    if place is None:
        raise FeatsplitError(f'{path}: holds no "model"; must be a dict with one, as robustness saves it')
    tensors = weights(f"{path}: {place}", tree[place])
    return {name.removeprefix("module."): tensor for name, tensor in tensors.items()}


def _state(file: TorchFile, found: dict[str, Inert], expected: dict[str, Tensor], *, path: Path) -> dict[str, Tensor]:
    """The tensors `expected`, as the file has them."""
    wanted = {own: _theirs(own) for own in expected}
    _check_fit(found, wanted, expected, path)
    tensors = file.tensors([found[theirs] for theirs in wanted.values()])
    state = {own: tensor.reshape(expected[own].shape) for own, tensor in zip(wanted, tensors, strict=True)}
    for own, tensor in state.items():
        if not bool(torch.isfinite(tensor).all()) or (own == "std" and not bool((tensor > 0).all())):
            raise FeatsplitError(f'{path}: "{wanted[own]}" has numbers that no network can use; copy it again')
    return state


def _theirs(own: str) -> str:
    return next(theirs + own.removeprefix(start) for start, theirs in OURS.items() if own.startswith(start))


def _check_fit(found: dict[str, Inert], wanted: dict[str, str], expected: dict[str, Tensor], path: Path) -> None:
    rule = "must be those of the ResNet-50 for CIFAR-10 in robustness"
    for own, theirs in wanted.items():
        if theirs not in found:
            raise FeatsplitError(f'{path}: has no "{theirs}"; weights {rule}')
        ours = tuple(expected[own].shape) + ((1, 1) if own in ("mean", "std") else ())
        if tuple(found[theirs].args[2]) != ours:
            raise FeatsplitError(f'{path}: "{theirs}" is {tuple(found[theirs].args[2])}, not {ours}; weights {rule}')
    known = set(wanted.values())
    for name in found:
        if name not in known and not name.startswith("attacker."):
            raise FeatsplitError(f'{path}: has "{name}", which no such network has; weights {rule}')
