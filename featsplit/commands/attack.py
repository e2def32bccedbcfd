"""featsplit attack: the nearest adversarial image of every image of a data set, kept in a file."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated

import typer

from featsplit.commands import building, options, shared, single
from featsplit.errors import FeatsplitError
from featsplit.geometry import Distance
from featsplit.records.data import DataSpec
from featsplit.records.minimum_norm import NEAREST, NORMS_OF, STEPS, Aim, MinimumNorm, NearestName


@dataclass(frozen=True)
class Search:
    """Which attack, in which norm, and towards what."""

    attack: NearestName = field(
        default="closest",
        metadata={
            "help": f"closest finds the nearest; the field's known ones are {', '.join(NEAREST[1:])}.",
            "unit": "NAME",
        },
    )
    norm: Distance | None = field(
        default=None,
        metadata={"help": "In which the distance is measured.", "default": "the attack's first", "unit": "NAME"},
    )
    targets: Aim = field(
        default="untargeted",
        metadata={
            "help": "untargeted (any other class), all (each other, one by one), random, next or least-likely.",
            "unit": "NAME",
        },
    )
    steps: int | None = field(
        default=None,
        metadata={
            "help": "How many.",
            "default": ", ".join(f"{name} {steps}" for name, steps in STEPS.items()),
            "min": 1,
        },
    )
    confidence: float = field(
        default=0.0, metadata={"help": "By how much the wrong logit has to lead, of carlini-wagner."}
    )

    def check(self, place: str) -> None:
        """Raise FeatsplitError at `place` where a field is out of its range."""
        self.asked().check(place)
        self.asked().check_aim(self.targets, f"{place}.targets")

    def asked(self) -> MinimumNorm:
        """The attack as it is run."""
        return MinimumNorm(self.attack, self.norm or NORMS_OF[self.attack][0], self.steps, self.confidence)


@dataclass(frozen=True)
class Output(building.Output):
    """The file that they are kept in; of the test images, unless others are asked for."""

    split: shared.SplitName = field(default="test", metadata={"help": "Which images to attack."})
    repair: bool = field(
        default=False, metadata={"help": "Change pixels by a level where uint8 has undone an attack, until it wins."}
    )

    def check(self, place: str) -> None:
        """Raise FeatsplitError at `place` where there is nothing to repair, or `building.Output` is wrong."""
        super().check(place)
        if self.repair and self.dtype != "uint8":
            raise FeatsplitError(f"{place}.repair: mends what rounding to bytes undoes; add --dtype uint8")


def attack(
    *,
    model: Annotated[
        Path, typer.Option("--model", metavar="FILE", help="A checkpoint (.safetensors).", rich_help_panel="Model")
    ],
    use: shared.ModelUse = shared.ModelUse(),
    data: DataSpec,
    opening: shared.Opening = shared.Opening(),
    search: Search = Search(),
    seed: single.Seed = 0,
    machine: shared.MachineOptions = shared.MachineOptions(),
    batch_size: single.BatchSize = None,
    output: Output,
) -> None:
    """Find the nearest adversarial image of every image of SRC for MODEL, and keep them with their distances.

    They are a data set like the derived ones: info, show, verify and export work on it, and a search that was killed
    goes on at its last shard.
    """
    from featsplit.metadata.made_by import MadeBy, card_of
    from featsplit.models.checkpoints import read_metadata
    from featsplit.synthesis import build_adversarial

    images = opening.load(data)
    asked = search.asked()
    build = replace(
        output.build("adversarial", MadeBy(card_of(str(model), read_metadata(model)))),
        seed=seed,
        batch_size=batch_size,
        machine=machine.resolved(),
    )
    network = use.load(model, images)
    summary = build_adversarial(
        output.out, network, images, asked, aim=search.targets, repair=output.repair, build=build
    )
    typer.echo(f"{output.out}: {asked.name} {asked.norm} on {images.name} ({build.split}), {search.targets}")
    typer.echo(
        f"found for {summary['success']:.4f} of the images, {summary['success_stored']:.4f} as stored; "
        f"distance median {_shown(summary.get('median_distance'))}, mean of those found "
        f"{_shown(summary.get('mean_distance'))}; {summary['calls']:.0f} calls an image"
    )
    options.say_owner(data.source, build.split)


def _shown(distance: float | None) -> str:
    return "infinite" if distance is None else f"{distance:.4g}"
