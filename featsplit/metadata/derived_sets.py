"""The derived sets: what each is called, and how it is made. Whatever names a set reads it here."""

from dataclasses import dataclass
from typing import Literal

from featsplit.metadata.training import Kind


@dataclass(frozen=True)
class Construction:
    """How a derived set is made: by which `network` of a run and which `method`, and from where or to what.

    `start` is of "match", `targets` of "perturb". `control`: whether the adversarially trained network predicts each
    image before and after. `ensemble`: whether the perturbations are to leave other networks as they were.
    """

    network: Literal["standard", "adversarial", "early"]
    method: Literal["match", "perturb", "mislabelled"]
    start: Literal["image", "noise"] = "image"
    targets: Literal["random", "next"] = "random"
    control: bool = False
    ensemble: bool = False

    @property
    def needs(self) -> Kind:
        """How the network must have been trained; one that was stopped early was trained as usual."""
        return "adversarial" if self.network == "adversarial" else "standard"


@dataclass(frozen=True)
class DerivedSet:
    """A derived set: its `name` in files and commands, its `symbol`, a `title`, and how it is `made_by` a run.

    `otherwise` is what the same construction makes with a network of the other training.
    """

    name: str
    symbol: str
    title: str
    made_by: Construction
    otherwise: str

    @property
    def label(self) -> str:
        """As a table has it: the symbols of D_R and D_NR with the name, which they do not contain."""
        return f"{self.symbol} ({self.name})" if self.name in ("robust", "nonrobust") else self.symbol


CONTROL = "the control of the paper's Tables 9 and 10, {} made with the adversarially trained network"
BUGS = "perturbations that leave other networks as they were"
OTHER_BUGS = "bugs of an adversarially trained network"
_LIST = (
    DerivedSet(
        "robust",
        "D_R",
        "D_R: the representation of the adversarially trained network, labels unchanged",
        Construction("adversarial", "match"),
        "D_NR",
    ),
    DerivedSet(
        "nonrobust",
        "D_NR",
        "D_NR: the representation of the standard network, labels unchanged",
        Construction("standard", "match"),
        "D_R",
    ),
    DerivedSet(
        "rand",
        "D_rand",
        "D_rand: perturbed to a random class, labelled as that class",
        Construction("standard", "perturb", targets="random", control=True),
        CONTROL.format("D_rand"),
    ),
    DerivedSet(
        "det",
        "D_det",
        "D_det: perturbed to the next class, labelled as that class",
        Construction("standard", "perturb", targets="next", control=True),
        CONTROL.format("D_det"),
    ),
    DerivedSet(
        "robust-noise",
        "D_R from noise",
        "D_R from noise",
        Construction("adversarial", "match", start="noise"),
        "D_NR from noise",
    ),
    DerivedSet(
        "nonrobust-noise",
        "D_NR from noise",
        "D_NR from noise",
        Construction("standard", "match", start="noise"),
        "D_R from noise",
    ),
    DerivedSet(
        "rand-control",
        "D_rand, robust source",
        "D_rand made with the adversarially trained network",
        Construction("adversarial", "perturb", targets="random"),
        "D_rand",
    ),
    DerivedSet(
        "det-control",
        "D_det, robust source",
        "D_det made with the adversarially trained network",
        Construction("adversarial", "perturb", targets="next"),
        "D_det",
    ),
    DerivedSet(
        "rand-bugs",
        "D_rand of bugs",
        f"D_rand of bugs: {BUGS}",
        Construction("standard", "perturb", targets="random", ensemble=True),
        OTHER_BUGS,
    ),
    DerivedSet(
        "det-bugs",
        "D_det of bugs",
        f"D_det of bugs: {BUGS}",
        Construction("standard", "perturb", targets="next", ensemble=True),
        OTHER_BUGS,
    ),
    DerivedSet(
        "mislabelled",
        "mislabelled images",
        "Wrong predictions of a network, taken as labels",
        Construction("early", "mislabelled"),
        "what an adversarially trained network predicts wrongly",
    ),
)
DERIVED_SETS: dict[str, DerivedSet] = {one.name: one for one in _LIST}
"""By name, in the order in which they are shown."""
FOUR = ("robust", "nonrobust", "rand", "det")
"""The sets of the paper's main experiment."""
