"""Rows to tables: mean and standard deviation over seeds are formed here and nowhere else."""

import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

Row = dict[str, Any]
Cells = list[list[str]]

NAMES = {
    ("source", "standard"): "D, standard training",
    ("source", "adversarial"): "D, adversarial training",
    ("robust", "standard"): "D_R (robust)",
    ("nonrobust", "standard"): "D_NR (nonrobust)",
    ("rand", "standard"): "D_rand",
    ("det", "standard"): "D_det",
}


def spread(values: Sequence[float]) -> str:
    """Mean, and with two values or more the standard deviation, as ".612 +- .013"."""
    mean = f"{statistics.fmean(values):.3f}"
    return mean if len(values) < 2 else f"{mean} ± {statistics.stdev(values):.3f}"


def accuracy_table(rows: list[Row]) -> Cells:
    """One line for each network, one column for each attack on the source's test set; the head comes first."""
    on_test = [row for row in rows if row["test_set"] == "source"]
    attacks = list(dict.fromkeys((row["attack"], row["norm"], row["eps"]) for row in on_test))
    head: list[str] = ["trained on", *(column_name(*attack) for attack in attacks)]
    networks: list[tuple[str, str]] = list(dict.fromkeys((row["train_set"], row["training"]) for row in on_test))
    table: Cells = [head]
    for network in networks:
        found = [_pick(on_test, network, attack) for attack in attacks]
        table.append([NAMES.get(network, network[0]), *(spread(values) if values else "" for values in found)])
    shifted = [row["accuracy"] for row in rows if row["test_set"] == "source:next"]
    if shifted:
        table.append(["D_det, on labels y + 1", spread(shifted), *([""] * (len(attacks) - 1))])
    return table


def column_name(attack: str, norm: str | None, eps: float | None) -> str:
    """What a column of accuracies is of."""
    return "clean" if attack == "none" else f"{attack} {norm} {eps:g}"


def _pick(rows: list[Row], network: tuple[str, str], attack: tuple[str, str | None, float | None]) -> list[float]:
    return [
        row["accuracy"]
        for row in rows
        if (row["train_set"], row["training"]) == network and (row["attack"], row["norm"], row["eps"]) == attack
    ]


def control_table(rows: list[Row]) -> Cells:
    """The share of D_rand and D_det on which the robust network reads the new label, before and after."""
    table = [["the robust network reads the new label", "before", "after"]]
    for name in ("rand", "det"):
        shares = [[row["accuracy"] for row in rows if row["test_set"] == f"{name}:{w}"] for w in ("before", "after")]
        if all(shares):
            table.append([f"on D_{name}", *map(spread, shares)])
    return table


def listing(rows: list[Row]) -> Cells:
    """A line for each row, with the fields that differ between attacks."""
    head = ["model", "test set", "attack", "norm", "eps", "steps", "restarts", "n", "accuracy"]
    table = [head]
    for row in rows:
        attack = ["-" if row[key] is None else f"{row[key]}" for key in ("norm", "eps", "steps", "restarts")]
        table.append(
            [Path(row["model"]).stem, row["test_set"], row["attack"], *attack, f"{row['n']}", f"{row['accuracy']:.4f}"]
        )
    return table


def transfer_table(rows: list[Row]) -> Cells:
    """What each training set is worth: a line for each set and architecture, a column for each test set and attack."""
    tests = list(dict.fromkeys((row["test_set"], row["attack"], row["norm"], row["eps"]) for row in rows))
    head = ["trained on", "network", *(f"{Path(test).stem} {column_name(*attack)}" for test, *attack in tests)]
    found: dict[tuple[str, str], dict[tuple[Any, ...], list[float]]] = {}
    for row in rows:
        line = found.setdefault((row["train_set"], row["architecture"]), {})
        line.setdefault((row["test_set"], row["attack"], row["norm"], row["eps"]), []).append(row["accuracy"])
    lines = [[Path(name).stem, arch, *(spread(line[test]) for test in tests)] for (name, arch), line in found.items()]
    return [head, *lines]


def as_text(table: Cells) -> str:
    """Aligned columns, the first to the left and the others to the right."""
    widths = [max(len(line[column]) for line in table) for column in range(len(table[0]))]
    lines = [
        "  ".join(
            [line[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True))]
        )
        for line in table
    ]
    return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:]])


def as_markdown(table: Cells) -> str:
    """The same as a Markdown table."""
    rule = ["---", *(["---:"] * (len(table[0]) - 1))]
    return "\n".join("| " + " | ".join(line) + " |" for line in [table[0], rule, *table[1:]])
