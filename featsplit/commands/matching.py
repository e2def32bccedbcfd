"""The options of representation matching, which two commands share."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from featsplit.commands import options, right_model

if TYPE_CHECKING:
    from featsplit.synthesis import Match

RuleName = Annotated[
    str | None,
    typer.Option(help="paper (normalised gradient), momentum (with cosine decay) or lbfgs. [default: lbfgs]"),
]
Steps = Annotated[
    int | None, typer.Option(help="Steps of matching. [default: lbfgs 50, momentum 80, paper 1000; noise 10000]")
]
StepSize = Annotated[
    float | None, typer.Option(help="Step length; for lbfgs its cap. [default: paper 0.1; by image size]")
]
Start = Annotated[str | None, typer.Option(help="image (another training image) or noise. [default: image]")]
Tolerance = Annotated[
    float | None, typer.Option(help="Stop an image at this relative distance. [default: 0, take every step]")
]


def matching(given: Mapping[str, Any]) -> "Match":
    """The Match that the options describe."""
    from featsplit.rules import StepRule
    from featsplit.synthesis import Match

    chosen = {name: given[name] for name in ("steps", "start", "tolerance") if given[name] is not None}
    found = Match(StepRule(given["rule"] or "lbfgs", given["step_size"]), **chosen)
    found.check()
    return found


def build_and_tell(name: str, found: "Match", given: Mapping[str, Any]) -> None:
    """Build the set `name` by matching, as the options of the command say, and print how near it came."""
    from featsplit.runtime import resolve_device
    from featsplit.synthesis import build_match

    options.check_suffix(Path(given["out"]), ".h5")
    made_by = right_model.made_by(name, given)
    data = options.load_data(given)
    model = options.load_model(
        Path(given["model"]), data, factory=given["factory"], other_classes=given["other_classes"]
    )
    summary = build_match(
        Path(given["out"]),
        model,
        data,
        found,
        split=options.one_split(given["split"]),
        seed=given["seed"],
        dtype=given["dtype"],
        batch_size=given["batch_size"],
        device=resolve_device(given["device"]),
        precision=given["precision"],
        extra={"set": name},
        made_by=made_by,
        overwrite=given["overwrite"],
    )
    typer.echo(f"{given['out']}: {name} from {data.name} ({given['split']})")
    typer.echo(
        f"representation: distance {summary['start_distance']:.3g} at the start, {summary['distance']:.3g} at the end "
        f"(median); relative {summary['relative_distance']:.4f}, as stored {summary['relative_distance_stored']:.4f}"
    )
