"""featsplit: split an image data set into robust and non-robust features (Ilyas et al. 2019, arXiv:1905.02175)."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .attacks import Nearest as Nearest
    from .attacks import fgsm as fgsm
    from .attacks import pgd as pgd
    from .attacks.closest import closest as closest
    from .data.dataset import open_dataset as open_dataset
    from .data.images import ImageData as ImageData
    from .data.images import Split as Split
    from .data.sources import DataSpec as DataSpec
    from .data.sources import load_data as load_data
    from .errors import FeatsplitError as FeatsplitError
    from .evaluation import Attack as Attack
    from .evaluation import evaluate as evaluate
    from .exports import export as export
    from .models.build import ModelSpec as ModelSpec
    from .models.build import build as build
    from .models.checkpoints import load_model as load_model
    from .models.checkpoints import save_model as save_model
    from .models.classifier import Classifier as Classifier
    from .models.madrylab import load_madrylab as load_madrylab
    from .models.wrapping import wrap as wrap
    from .records.exports import FORMATS as FORMATS
    from .records.exports import Export as Export
    from .records.minimum_norm import MinimumNorm as MinimumNorm
    from .report.cells import as_text as as_text
    from .report.markup import Heading as Heading
    from .report.markup import Table as Table
    from .report.markup import Text as Text
    from .report.markup import write_page as write_page
    from .rows import Row as Row
    from .runtime.frozen import frozen as frozen
    from .runtime.machine import Machine as Machine
    from .studies.ilyas2019.tables import accuracy_table as accuracy_table
    from .synthesis import Build as Build
    from .synthesis import Match as Match
    from .synthesis import Perturb as Perturb
    from .synthesis import build_adversarial as build_adversarial
    from .synthesis import build_match as build_match
    from .synthesis import build_perturb as build_perturb
    from .synthesis import match_representation as match_representation
    from .synthesis import perturb_to_target as perturb_to_target
    from .training import Adversary as Adversary
    from .training import Recipe as Recipe
    from .training import ensure_trained as ensure_trained
    from .training import train as train

__version__ = "0.1.0"

_HOMES = {
    "Adversary": "training",
    "Attack": "evaluation",
    "Build": "synthesis",
    "Classifier": "models.classifier",
    "DataSpec": "data.sources",
    "Export": "records.exports",
    "FORMATS": "records.exports",
    "FeatsplitError": "errors",
    "Heading": "report.markup",
    "ImageData": "data.images",
    "Machine": "runtime.machine",
    "Match": "synthesis",
    "MinimumNorm": "records.minimum_norm",
    "ModelSpec": "models.build",
    "Nearest": "attacks",
    "Perturb": "synthesis",
    "Recipe": "training",
    "Row": "rows",
    "Split": "data.images",
    "Table": "report.markup",
    "Text": "report.markup",
    "accuracy_table": "studies.ilyas2019.tables",
    "as_text": "report.cells",
    "build": "models.build",
    "build_adversarial": "synthesis",
    "build_match": "synthesis",
    "build_perturb": "synthesis",
    "closest": "attacks.closest",
    "ensure_trained": "training",
    "evaluate": "evaluation",
    "export": "exports",
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
    "write_page": "report.markup",
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
