r"""Train a classifier, standard or adversarially; what comes back is the last epoch, never the best on the test set.

Standard training descends J(x, y); adversarial training J(x', y) with x' from PGD (arXiv:1706.06083; the paper,
appendix C), or Goodfellow's mix alpha J(x) + (1 - alpha) J(x + eta) (arXiv:1412.6572, section 6). Everything random in
epoch e derives from (seed, e), so training that was interrupted ends as if it had not been.
"""

from featsplit.records.training import Adversary, Recipe
from featsplit.training.contrastive import nt_xent, train_simclr
from featsplit.training.distillation import Distilled, SoftRecipe, distill, heated, soft_labels, train_soft
from featsplit.training.files import ensure_trained
from featsplit.training.loop import train, train_by_epoch
from featsplit.training.probing import fit_head, representations
from featsplit.training.state import History
from featsplit.training.trainer import Trainer

__all__ = [
    "Adversary",
    "Distilled",
    "History",
    "Recipe",
    "SoftRecipe",
    "Trainer",
    "distill",
    "ensure_trained",
    "fit_head",
    "heated",
    "nt_xent",
    "representations",
    "soft_labels",
    "train",
    "train_by_epoch",
    "train_simclr",
    "train_soft",
]
