"""A run as one Markdown page: the tables, what they say, the grids, and everything needed to make them again."""

import json
from pathlib import Path
from typing import Any

from featsplit.data.images import ImageData
from featsplit.experiment.settings import SETS, Experiment
from featsplit.files import replacing
from featsplit.models.checkpoints import versions
from featsplit.report.grids import draw_grid
from featsplit.report.tables import Cells, accuracy_table, as_markdown, as_text, control_table, spread
from featsplit.stories import read_spec

TITLES = {
    "robust": "D_R: the representation of the adversarially trained network, labels unchanged",
    "nonrobust": "D_NR: the representation of the standard network, labels unchanged",
    "rand": "D_rand: perturbed to a random class, labelled as that class",
    "det": "D_det: perturbed to the next class, labelled as that class",
}
CONTROL = (
    "How often the adversarially trained network, which sees robust features only, reads the new label. What it gains "
    "from before to after the perturbation has leaked into robust features, and is not the work of non-robust ones."
)
SHORT = {"robust": "D_R", "nonrobust": "D_NR", "rand": "D_rand", "det": "D_det"}


def summary(out: Path) -> str:
    """The two tables of the run in `out`, as text for a terminal."""
    rows = json.loads((out / "rows.json").read_text())
    return f"\n{as_text(accuracy_table(rows))}\n\n{as_text(control_table(rows))}\n"


def write_report(
    out: Path, rows: list[dict[str, Any]], experiment: Experiment, data: ImageData, *, seeds: list[int], command: str
) -> None:
    """Write `out`/report.md and the grids of the first seed, in `out`/grids."""
    for name in SETS:
        draw_grid(_set_file(out, seeds[0], name), out / "grids" / f"{name}.png", source=data)
    grids = [f"### {TITLES[name]}\n\n![{name}](grids/{name}.png)" for name in SETS]
    parts = [
        f"# featsplit run {experiment.name}",
        _setting(experiment, data, seeds),
        "## Accuracy on the original test set",
        as_markdown(accuracy_table(rows)),
        "## The control",
        CONTROL,
        as_markdown(control_table(rows)),
        "## How the sets came out",
        *(as_markdown(table) for table in construction_tables(out, seeds)),
        "## The images",
        *grids,
        "## To make it again",
        f"    {command}",
        f"Data digest `{data.digest}`; versions {json.dumps(versions())}.",
        f"```json\n{json.dumps(experiment.plain(), indent=1)}\n```",
    ]
    with replacing(out / "report.md") as partial:
        partial.write_text("\n\n".join(parts) + "\n")


def _setting(experiment: Experiment, data: ImageData, seeds: list[int]) -> str:
    """What was run, in a sentence or two."""
    shape = " x ".join(map(str, data.shape))
    several = (
        f"seeds {', '.join(map(str, seeds))} (mean ± standard deviation)" if len(seeds) > 1 else f"seed {seeds[0]}"
    )
    return (
        f"{data.name}: {len(data.train)} training and {len(data.test)} test images of {shape}, {len(data.classes)} "
        f"classes; network {experiment.model.arch}; {several}. After Ilyas et al. 2019, arXiv:1905.02175."
    )


def construction_tables(out: Path, seeds: list[int]) -> list[Cells]:
    """The files' summaries over seeds: one table for the matched sets, one for the perturbed ones."""
    tables = []
    for names in (("robust", "nonrobust"), ("rand", "det")):
        found = {name: [read_spec(_set_file(out, seed, name)).summary for seed in seeds] for name in names}
        figures = list(found[names[0]][0])
        head = ["set", *(figure.replace("_", " ") for figure in figures)]
        lines = [[SHORT[name], *(spread([one[f] for one in found[name]]) for f in figures)] for name in names]
        tables.append([head, *lines])
    return tables


def _set_file(out: Path, seed: int, name: str) -> Path:
    return out / f"seed{seed}" / "sets" / f"{name}.h5"
