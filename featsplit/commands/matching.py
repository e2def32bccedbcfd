"""The options of representation matching, which two commands share."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from featsplit.commands import options
from featsplit.errors import unknown

if TYPE_CHECKING:
    from featsplit.synthesis import Match

RuleName = Annotated[
    str | None,
    typer.Option(help="paper (normalised gradient), momentum (with cosine decay) or lbfgs. [default: paper]"),
]
Steps = Annotated[int | None, typer.Option(help="Steps of matching. [default: 1000; momentum 100; lbfgs 40]")]
StepSize = Annotated[
    float | None, typer.Option(help="Step length; for lbfgs its cap. [default: 0.1; momentum 2; lbfgs 1]")
]
Start = Annotated[str | None, typer.Option(help="image (another training image) or noise. [default: image]")]

DEFAULTS = {"paper": (1000, 0.1), "momentum": (100, 2.0), "lbfgs": (40, 1.0)}


def matching(rule: str | None, steps: int | None, step_size: float | None, start: str | None) -> "Match":
    """The Match that the options describe."""
    from featsplit.optimize import StepRule
    from featsplit.synthesis import Match

    rule = rule or "paper"
    if rule not in DEFAULTS:
        raise unknown("--rule", rule, DEFAULTS)
    usual_steps, usual_size = DEFAULTS[rule]
    found = Match(
        StepRule(rule, usual_size if step_size is None else step_size),  # type: ignore[arg-type]  # checked below
        usual_steps if steps is None else steps,
        start or "image",  # type: ignore[arg-type]  # checked below
    )
    found.check()
    return found


def build_and_tell(name: str, found: "Match", given: Mapping[str, Any]) -> None:
    """Build the set `name` by matching, as the options of the command say, and print how near it came."""
    from featsplit.runtime import resolve_device
    from featsplit.synthesis import build_match

    options.check_suffix(Path(given["out"]), ".h5")
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
        story={"set": name},
        overwrite=given["overwrite"],
    )
    typer.echo(f"{given['out']}: {name} from {data.name} ({given['split']})")
    typer.echo(
        f"representation: distance {summary['start_distance']:.3g} at the start, {summary['distance']:.3g} at the end "
        f"(median); relative {summary['relative_distance']:.4f}, as stored {summary['relative_distance_stored']:.4f}"
    )
