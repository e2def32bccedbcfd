"""featsplit: split an image data set into robust and non-robust features (Ilyas et al. 2019, arXiv:1905.02175)."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .attacks import fgsm as fgsm
    from .attacks import pgd as pgd
    from .data.dataset import open_dataset as open_dataset
    from .data.images import ImageData as ImageData
    from .data.images import Split as Split
    from .data.sources import DataSpec as DataSpec
    from .data.sources import load_data as load_data
    from .errors import FeatsplitError as FeatsplitError
    from .evaluation import Attack as Attack
    from .evaluation import evaluate as evaluate
    from .models.build import ModelSpec as ModelSpec
    from .models.build import build as build
    from .models.checkpoints import load_model as load_model
    from .models.checkpoints import save_model as save_model
    from .models.madrylab import load_madrylab as load_madrylab
    from .models.wrapping import wrap as wrap
    from .runtime.frozen import frozen as frozen
    from .synthesis import match_representation as match_representation
    from .synthesis import perturb_to_target as perturb_to_target
    from .training import Adversary as Adversary
    from .training import Recipe as Recipe
    from .training import train as train

__version__ = "0.1.0"

_HOMES = {
    "Adversary": "training",
    "Attack": "evaluation",
    "DataSpec": "data.sources",
    "FeatsplitError": "errors",
    "ImageData": "data.images",
    "ModelSpec": "models.build",
    "Recipe": "training",
    "Split": "data.images",
    "build": "models.build",
    "evaluate": "evaluation",
    "fgsm": "attacks",
    "frozen": "runtime.frozen",
    "load_data": "data.sources",
    "load_madrylab": "models.madrylab",
    "load_model": "models.checkpoints",
    "match_representation": "synthesis",
    "open_dataset": "data.dataset",
    "perturb_to_target": "synthesis",
    "pgd": "attacks",
    "save_model": "models.checkpoints",
    "train": "training",
    "wrap": "models.wrapping",
}
"""The home of each public name, imported when it is first asked for, so that `import featsplit` costs no torch."""
__all__ = [*_HOMES]


if not TYPE_CHECKING:  # to the type checker a name that is not above is an error

    def __getattr__(name: str) -> object:
        """The public name, from its home."""
        if name not in _HOMES:
            raise AttributeError(f"module 'featsplit' has no attribute {name!r}")
        return getattr(import_module(f"featsplit.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    """Every public name, also before it is imported."""
    return [*globals(), *_HOMES]
