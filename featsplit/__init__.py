"""featsplit: split an image data set into robust and non-robust features (Ilyas et al. 2019, arXiv:1905.02175)."""

from typing import Any

__version__ = "0.1.0"

_HOMES = {
    "FeatsplitError": "errors",
    "DataSpec": "data.sources",
    "ImageData": "data.images",
    "Split": "data.images",
    "load_data": "data.sources",
    "open_dataset": "data.dataset",
    "ModelSpec": "models.build",
    "build": "models.build",
    "wrap": "models.wrapping",
    "load_model": "models.checkpoints",
    "save_model": "models.checkpoints",
    "load_madrylab": "models.foreign",
    "Adversary": "training",
    "Recipe": "training",
    "train": "training",
    "frozen": "runtime",
    "match_representation": "synthesis",
    "perturb_to_target": "synthesis",
    "Attack": "evaluation",
    "evaluate": "evaluation",
    "pgd": "attacks",
    "fgsm": "attacks",
}
__all__ = [*_HOMES]


def __getattr__(name: str) -> Any:
    """The public names, each imported when it is first asked for, so that `import featsplit` costs no torch."""
    if name not in _HOMES:
        raise AttributeError(f"module 'featsplit' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"featsplit.{_HOMES[name]}"), name)
