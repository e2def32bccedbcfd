"""A run as one Markdown page: the tables, what they say, the grids, and everything needed to make them again."""

import json
from pathlib import Path
from typing import Any

from featsplit.data.derived import read_spec
from featsplit.data.images import ImageData
from featsplit.experiment.settings import SETS, Experiment
from featsplit.files import replacing
from featsplit.models.checkpoints import versions
from featsplit.report.grids import draw_grid
from featsplit.report.tables import accuracy_table, as_markdown, as_text, control_table, spread

TITLES = {
    "robust": "D_R: representation of the adversarially trained network, labels unchanged",
    "nonrobust": "D_NR: representation of the standard network, labels unchanged",
    "rand": "D_rand: perturbed to a random class, labelled as that class",
    "det": "D_det: perturbed to the next class, labelled as that class",
}


def summary(out: Path) -> str:
    """The two tables of the run in `out`, as text for a terminal."""
    rows = json.loads((out / "rows.json").read_text())
    return f"\n{as_text(accuracy_table(rows))}\n\n{as_text(control_table(rows))}\n"


def write_report(
    out: Path, rows: list[dict[str, Any]], experiment: Experiment, data: ImageData, *, seeds: list[int], command: str
) -> None:
    """Write `out`/report.md and the grids of the first seed, in `out`/grids."""
    sets = out / f"seed{seeds[0]}" / "sets"
    for name in SETS:
        draw_grid(sets / f"{name}.h5", out / "grids" / f"{name}.png", source=data)
    summaries = [[read_spec(out / f"seed{seed}" / "sets" / f"{name}.h5").summary for seed in seeds] for name in SETS]
    grids = [f"### {TITLES[name]}\n\n![{name}](grids/{name}.png)" for name in SETS]
    parts = [
        f"# featsplit run {experiment.name}",
        f"{data.name}: {len(data.train)} training and {len(data.test)} test images of {' x '.join(map(str, data.shape))},"
        f" {len(data.classes)} classes; network {experiment.model.arch};"
        f" seeds {', '.join(map(str, seeds))} (mean ± standard deviation where there are several)."
        " After Ilyas et al. 2019, arXiv:1905.02175.",
        "## Accuracy on the original test set",
        as_markdown(accuracy_table(rows)),
        "## The control: how much of the new label robust features carry",
        as_markdown(control_table(rows)),
        "## How the sets came out",
        as_markdown(construction_table(summaries)),
        "## The images",
        *grids,
        "## To make it again",
        f"    {command}",
        f"Data digest `{data.digest}`; versions {json.dumps(versions())}.",
        "Settings:",
        f"```json\n{json.dumps(experiment.plain(), indent=1)}\n```",
    ]
    with replacing(out / "report.md") as partial:
        partial.write_text("\n\n".join(parts) + "\n")


def construction_table(summaries: list[list[dict[str, float]]]) -> list[list[str]]:
    """For each set, its summary figures over seeds."""
    table = [["set", "figure", "value"]]
    for name, found in zip(SETS, summaries, strict=True):
        table += [[f"D_{name}", key.replace("_", " "), spread([one[key] for one in found])] for key in found[0]]
    return table
