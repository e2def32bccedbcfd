"""featsplit: split an image data set into robust and non-robust features (Ilyas et al. 2019, arXiv:1905.02175)."""

from difflib import get_close_matches
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .attacks import Nearest as Nearest
    from .attacks import fgsm as fgsm
    from .attacks import pgd as pgd
    from .attacks.carlini_wagner_l0 import carlini_wagner_l0 as carlini_wagner_l0
    from .attacks.carlini_wagner_l2 import carlini_wagner_l2 as carlini_wagner_l2
    from .attacks.carlini_wagner_linf import carlini_wagner_linf as carlini_wagner_linf
    from .attacks.closest import closest as closest
    from .attacks.deepfool import deepfool as deepfool
    from .attacks.jsma import jsma as jsma
    from .data.dataset import open_dataset as open_dataset
    from .data.derived import verify as verify
    from .data.images import ImageData as ImageData
    from .data.images import Split as Split
    from .data.sources import DataSpec as DataSpec
    from .data.sources import load_data as load_data
    from .descent import LBFGS as LBFGS
    from .descent import Momentum as Momentum
    from .descent import Normalised as Normalised
    from .engine.results import Results as Results
    from .errors import FeatsplitError as FeatsplitError
    from .evaluation import Attack as Attack
    from .evaluation import Probe as Probe
    from .evaluation import evaluate as evaluate
    from .evaluation import layer_robustness as layer_robustness
    from .evaluation.leakage import leaked_accuracy as leaked_accuracy
    from .evaluation.usefulness import usefulness as usefulness
    from .exports import export as export
    from .metadata.made_by import MadeBy as MadeBy
    from .metadata.models import read_model_metadata as read_model_metadata
    from .metadata.sets import read_set_metadata as read_set_metadata
    from .models.build import ModelSpec as ModelSpec
    from .models.build import build as build
    from .models.checkpoints import load_model as load_model
    from .models.checkpoints import save_model as save_model
    from .models.classifier import Classifier as Classifier
    from .models.encoder import cut as cut
    from .models.encoder import encoder_of as encoder_of
    from .models.encoder import layers_of as layers_of
    from .models.importing import Foreign as Foreign
    from .models.madrylab import load_madrylab as load_madrylab
    from .models.wrapping import wrap as wrap
    from .records.contrastive import SimCLR as SimCLR
    from .records.engine import EngineOptions as EngineOptions
    from .records.exports import FORMATS as FORMATS
    from .records.exports import Export as Export
    from .records.minimum_norm import MinimumNorm as MinimumNorm
    from .records.probes import SGD as SGD
    from .records.probes import Ridge as Ridge
    from .report.blocks import Heading as Heading
    from .report.blocks import Table as Table
    from .report.blocks import Text as Text
    from .report.cells import as_text as as_text
    from .report.page import write_page as write_page
    from .rows import Row as Row
    from .runtime.frozen import frozen as frozen
    from .runtime.machine import Machine as Machine
    from .studies import open_results as open_results
    from .studies.ilyas2019.tables import accuracy_table as accuracy_table
    from .studies.running import run as run
    from .synthesis import Build as Build
    from .synthesis import Match as Match
    from .synthesis import Perturb as Perturb
    from .synthesis import build_adversarial as build_adversarial
    from .synthesis import build_match as build_match
    from .synthesis import build_mislabelled as build_mislabelled
    from .synthesis import build_perturb as build_perturb
    from .synthesis import choose_targets as choose_targets
    from .synthesis import draw_starts as draw_starts
    from .synthesis import match_representation as match_representation
    from .synthesis import perturb_to_target as perturb_to_target
    from .training import Adversary as Adversary
    from .training import Recipe as Recipe
    from .training import ensure_trained as ensure_trained
    from .training import fit_head as fit_head
    from .training import representations as representations
    from .training import train as train
    from .training import train_simclr as train_simclr

__version__ = "0.2.0"

_HOMES = {
    "Adversary": "training",
    "Attack": "evaluation",
    "Build": "synthesis",
    "Classifier": "models.classifier",
    "DataSpec": "data.sources",
    "EngineOptions": "records.engine",
    "Export": "records.exports",
    "FORMATS": "records.exports",
    "FeatsplitError": "errors",
    "Foreign": "models.importing",
    "Heading": "report.blocks",
    "ImageData": "data.images",
    "LBFGS": "descent",
    "Machine": "runtime.machine",
    "MadeBy": "metadata.made_by",
    "Match": "synthesis",
    "MinimumNorm": "records.minimum_norm",
    "ModelSpec": "models.build",
    "Momentum": "descent",
    "Nearest": "attacks",
    "Normalised": "descent",
    "Perturb": "synthesis",
    "Probe": "evaluation",
    "Recipe": "training",
    "Results": "engine.results",
    "Ridge": "records.probes",
    "Row": "rows",
    "SGD": "records.probes",
    "SimCLR": "records.contrastive",
    "Split": "data.images",
    "Table": "report.blocks",
    "Text": "report.blocks",
    "accuracy_table": "studies.ilyas2019.tables",
    "as_text": "report.cells",
    "build": "models.build",
    "build_adversarial": "synthesis",
    "build_match": "synthesis",
    "build_mislabelled": "synthesis",
    "build_perturb": "synthesis",
    "carlini_wagner_l0": "attacks.carlini_wagner_l0",
    "carlini_wagner_l2": "attacks.carlini_wagner_l2",
    "carlini_wagner_linf": "attacks.carlini_wagner_linf",
    "choose_targets": "synthesis",
    "closest": "attacks.closest",
    "cut": "models.encoder",
    "deepfool": "attacks.deepfool",
    "draw_starts": "synthesis",
    "encoder_of": "models.encoder",
    "ensure_trained": "training",
    "evaluate": "evaluation",
    "export": "exports",
    "fgsm": "attacks",
    "fit_head": "training",
    "frozen": "runtime.frozen",
    "jsma": "attacks.jsma",
    "layer_robustness": "evaluation",
    "layers_of": "models.encoder",
    "leaked_accuracy": "evaluation.leakage",
    "load_data": "data.sources",
    "load_madrylab": "models.madrylab",
    "load_model": "models.checkpoints",
    "match_representation": "synthesis",
    "open_dataset": "data.dataset",
    "open_results": "studies",
    "perturb_to_target": "synthesis",
    "pgd": "attacks",
    "read_model_metadata": "metadata.models",
    "read_set_metadata": "metadata.sets",
    "representations": "training",
    "run": "studies.running",
    "save_model": "models.checkpoints",
    "train": "training",
    "train_simclr": "training",
    "usefulness": "evaluation.usefulness",
    "verify": "data.derived",
    "wrap": "models.wrapping",
    "write_page": "report.page",
}
"""The home of each public name, imported when it is first asked for, so that `import featsplit` costs no torch."""
__all__ = [*_HOMES]


if not TYPE_CHECKING:  # to the type checker a name that is not above is an error

    def __getattr__(name: str) -> object:
        """The public name, from its home."""
        if name not in _HOMES:
            nearest = get_close_matches(name, _HOMES, n=1)
            hint = f"; did you mean {nearest[0]!r}?" if nearest else ""
            raise AttributeError(f"module 'featsplit' has no attribute {name!r}{hint}")
        return getattr(import_module(f"featsplit.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    """Every public name, also before it is imported."""
    return [*globals(), *_HOMES]
