"""How networks learned: their accuracies by epoch, as rows and as a figure; the same for every study that trains."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from featsplit.engine.results import Results
from featsplit.engine.settings import record
from featsplit.metadata.models import ModelMetadata, read_model_metadata
from featsplit.records.evaluation import Attack, Probe
from featsplit.report.blocks import Block, Folded, Heading, Plot
from featsplit.report.cells import column_name
from featsplit.report.intervals import accuracy
from featsplit.report.plots import BLUE, GREEN, INK, ORANGE, banded, drawn, reaches
from featsplit.report.rows import picked
from featsplit.rows import Row

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

EXPERIMENT, TITLE = "epochs", "Training curves"
"""What these rows are measured for, and what stands above them."""
MANY = 6
"""Of more networks the curves are folded."""
ACROSS = 3
"""Panels side by side."""
SAYS = (
    "By epoch: on the set as it is trained on, augmented and where there is an adversary attacked (blue), and on the "
    "true test images, clean (orange) and under attack (green: {}); bands are 95 % intervals, thin lines the seeds."
)
CROSS = " The cross is the attack of the table after the last epoch, on all test images."
LINES: dict[str, dict[str, str | None]] = {
    "on the set itself": {"split": "train"},
    "clean test images": {"split": None, "attack": "none"},
    "under attack": {"attack": "pgd"},
}
"""What an accuracy by epoch is of, by what rows say; a network that was given may lack some."""


def called(path: Path, _: ModelMetadata) -> str:
    """The name of a file as words."""
    return path.stem.replace("-", " ")


def rows_by_epoch(metadata: ModelMetadata, first: Row, *, train_set: str = "source") -> list[Row]:
    """What the history of a network says, each row with the fields of `first`; nothing where it does not say enough.

    On what it is trained on, called `train_set`, as it sees it; on the test images; and in some epochs on part of these
    under attack.
    """
    clean, counts = Attack().fields(), metadata.counts
    of: dict[str, Row] = {
        "train_accuracy": {"test_set": train_set, "split": "train", **clean},
        "test_accuracy": {"test_set": "source", **clean},
    }
    if metadata.probe is not None:
        of["attacked_accuracy"] = {"test_set": "source", **record(Probe, metadata.probe, "probe").attack().fields()}
    return [
        {**first, **images, "experiment": EXPERIMENT, "epoch": epoch, "n": counts[name], "accuracy": seen[name]}
        for epoch, seen in enumerate(metadata.history, start=1)
        for name, images in of.items()
        if name in seen and name in counts
    ]


def curves_of_files(
    results: Results[Any], name: Callable[[Path, ModelMetadata], str] = called, *, folder: str = "models"
) -> list[Block]:
    """The training curves of the networks in a `folder` of each seed of a run, of a study whose rows do not tell them.

    `name` is what one is called, by its file and metadata. Nothing where none tells its history; folded where many do.
    """
    lines = defaultdict[str, list[Row]](list)
    for seed in results.seeds:
        for path in sorted((results.path / f"seed{seed}" / folder).glob("*.safetensors")):
            metadata = read_model_metadata(path)
            if rows := rows_by_epoch(metadata, {"seed": seed}):
                lines[name(path, metadata)] += rows
    curves = training_curves(lines)
    if len(lines) > MANY:
        return [Folded(f"{TITLE} of {len(lines)} networks", curves)]
    return [Heading(TITLE), *curves] if curves else []


def training_curves(
    lines: Mapping[str, Sequence[Row]], tested: Mapping[str, Sequence[Row]] = MappingProxyType({})
) -> list[Block]:
    """A panel for each network, with its rows by epoch in `lines`; nothing where there are none.

    The rows `tested` of a network are what the attack of the table came to: its cross.
    """
    if not lines:
        return []
    last = {name: tested.get(name, ()) for name in lines}
    by_epoch = [row for rows in lines.values() for row in rows]
    attacked = picked(by_epoch, attack="pgd")
    how = dict.fromkeys(f"{_attack(row)}, {row['steps']} steps, {row['n']} images" for row in attacked)
    across = min(len(lines), ACROSS)
    height = -(-len(lines) // across)

    def draw(figure: "Figure") -> None:
        panels: Any = figure.subplots(height, across, sharey=True, squeeze=False)
        for axes in panels.flat[len(lines) :]:
            axes.set_axis_off()
        for axes, (name, rows) in zip(panels.flat, lines.items(), strict=False):
            _panel(axes, rows, last[name])
            axes.set_title(name, fontsize=10)
        for axes in panels[:, 0]:
            axes.set_ylabel("accuracy")
        drawings = [zip(*axes.get_legend_handles_labels(), strict=True) for axes in panels.flat]
        by_label = {label: handle for drawing in drawings for handle, label in drawing}
        figure.legend(by_label.values(), by_label, loc="outside upper center", ncols=4, fontsize=9)

    says = SAYS.format("; ".join(how) or "none, since these networks were given, or trained before it was measured") + (
        CROSS if any(last.values()) else ""
    )
    return [Plot(EXPERIMENT, drawn(3 * max(across, 2), 0.4 + 2.2 * height, draw), says, partial(_after, lines, last))]


def _panel(axes: "Axes", rows: Sequence[Row], last: Sequence[Row]) -> None:
    for (label, line), colour in zip(_lines(rows).items(), (BLUE, ORANGE, GREEN), strict=True):
        if not line:
            continue
        epochs = sorted({row["epoch"] for row in line})
        banded(axes, {epoch: picked(line, epoch=epoch) for epoch in epochs}, colour)
        axes.lines[-1].set_label(label)
    if last:
        found, end = accuracy(last), max(row["epoch"] for row in rows)
        axes.errorbar([end], [found.value], reaches([found]), fmt="x", color=INK, label=_attack(last[0]), clip_on=False)
    axes.set(xlabel="epoch", ylim=(0, 1.03))
    axes.locator_params("x", integer=True)


def _lines(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """The rows of one network by what they are of."""
    return {label: picked(rows, **which) for label, which in LINES.items()}


def _attack(row: Row) -> str:
    return column_name(row["attack"], row["norm"], row["eps"])


def _after(lines: Mapping[str, Sequence[Row]], last: Mapping[str, Sequence[Row]]) -> str:
    """What each network has come to after its last epoch."""
    said = []
    for name, rows in lines.items():
        end = max(row["epoch"] for row in rows)
        ends = {what: picked(line, epoch=end) for what, line in _lines(rows).items()}
        for row in last[name][:1]:
            ends[_attack(row)] = list(last[name])
        numbers = ", ".join(f"{what} {accuracy(found)}" for what, found in ends.items() if found)
        said.append(f"{name}, epoch {end}: {numbers}")
    return "; ".join(said) + "."
