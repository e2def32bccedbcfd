"""An adversary that some of the images are shown to, as a record: what an audit asks for."""

from dataclasses import dataclass, field

from featsplit.errors import check_count
from featsplit.evaluation.attack import Attack
from featsplit.geometry import Norm, Threat


@dataclass(frozen=True)
class Probe:
    """PGD of so many `steps` in the ball of `eps`, run on a stratified choice of so many `images`."""

    norm: Norm = field(default="l2", metadata={"help": "Of the adversary."})
    eps: float = field(default=0.25, metadata={"help": "Of the adversary, on the [0, 1] pixel scale."})
    images: int = field(default=200, metadata={"help": "How many test images the adversary is run on.", "min": 2})
    steps: int = field(default=10, metadata={"help": "Of its PGD.", "min": 1})

    def check(self, place: str = "adversary") -> None:
        """Raise FeatsplitError at `place` where a field is out of its range."""
        Threat(self.norm, self.eps).check(place)
        check_count(f"{place}.images", self.images)
        check_count(f"{place}.steps", self.steps)

    def attack(self, step_size: float | None = None) -> Attack:
        """It as an attack, with steps of `step_size`."""
        return Attack("pgd", self.norm, self.eps, self.steps, step_size)
