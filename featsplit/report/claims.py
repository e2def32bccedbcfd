"""What the paper says of its numbers to each other, checked on a run of any size."""

import statistics
from itertools import pairwise
from typing import NamedTuple

from featsplit.report.rows import SETS, Row, bootstrap_interval, mean, picked, rank_correlation, values


class Claim(NamedTuple):
    """A statement of the paper, what the run measured, and whether it holds there."""

    what: str
    measured: str
    holds: bool


def claims(rows: list[Row], *, classes: int) -> list[Claim]:
    """The paper's statements that can be read off means over seeds; what was not measured is left out."""
    found = [*_order(rows, "pgd", "main"), *_order(rows, "autoattack", "autoattack"), *_learned(rows, classes)]
    found += [*_control(rows), *_crossing(rows), *_splits(rows), *_plateau(rows), *_transfer(rows)]
    return [*found, *_planted(rows)]


def smallest_eps(rows: list[Row]) -> float:
    """The smaller eps of the run, at which robustness is compared (that of the transferred examples is another)."""
    return float(min(row["eps"] for row in rows if row["eps"] and not row["test_set"].startswith("transferred")))


def transfer_points(rows: list[Row], test_set: str) -> list[tuple[str, float, float]]:
    """For each architecture: its name, its accuracy when trained on D_det, its transfer rate; means over seeds."""
    points = []
    for arch in dict.fromkeys(row["architecture"] for row in rows if row["test_set"] == test_set):
        on = {"train_set": "det", "architecture": arch, "test_set": "source", "attack": "none"}
        own = mean(rows, part="architectures", **on)
        learned = mean(rows, part="main", **on) if own is None else own
        rate = mean(rows, test_set=test_set, architecture=arch)
        if learned is not None and rate is not None:
            points.append((arch, learned, rate if test_set.endswith(":next") else 1 - rate))
    return points


def _order(rows: list[Row], attack: str, part: str) -> list[Claim]:
    eps = smallest_eps(rows)
    lines = [("source", "adversarial"), ("robust", "standard"), ("source", "standard"), ("nonrobust", "standard")]
    means = [
        mean(rows, part=part, train_set=s, training=t, test_set="source", attack=attack, eps=eps) for s, t in lines
    ]
    known = [value for value in means if value is not None]
    if len(known) < len(lines):
        return []
    name = {"pgd": "PGD", "autoattack": "AutoAttack"}[attack]
    falls = all(one > two for one, two in pairwise(known))
    what = f"Table 7: adversarially trained > D_R > standard > D_NR, {name}, eps {eps:g}"
    return [Claim(what, " > ".join(f"{value:.3f}" for value in known), falls)]


def _learned(rows: list[Row], classes: int) -> list[Claim]:
    found = []
    for name in ("rand", "det"):
        accuracies = values(rows, part="main", train_set=name, test_set="source", attack="none")
        if accuracies:
            chance = 1 / classes
            above = statistics.fmean(accuracies) > chance + 0.02
            what = f"Table 1: D_{name} teaches the true labels (chance {chance:.2f})"
            found.append(Claim(what, f"{statistics.fmean(accuracies):.3f}", above))
    return found


def _control(rows: list[Row]) -> list[Claim]:
    found = []
    for name in ("rand", "det"):
        own = mean(rows, part="main", train_set=name, test_set="source", attack="none")
        control = mean(rows, part="control", train_set=f"{name}-control", test_set="source", attack="none")
        if own is not None and control is not None:
            ratio = own / max(control, 1e-9)
            what = f"Table 9: D_{name} of the robust network teaches the true labels less, by 1.5 or more"
            found.append(Claim(what, f"{own:.3f} / {control:.3f} = {ratio:.2f}", ratio >= 1.5))
    return found


def _crossing(rows: list[Row]) -> list[Claim]:
    of = {"part": "control", "train_set": "det-control", "attack": "none"}
    true, shifted = (mean(rows, test_set=test, **of) for test in ("source", "source:next"))
    if true is None or shifted is None:
        return []
    what = "Table 10: D_det of the robust network teaches labels y + 1 more than the true ones"
    return [Claim(what, f"{shifted:.3f} > {true:.3f}", shifted > true)]


def _splits(rows: list[Row]) -> list[Claim]:
    eps, found = smallest_eps(rows), list[float]()
    for end in (":train", ":test", "source"):
        of = [
            row["accuracy"]
            for row in rows
            if row["part"] == "splits" and row["test_set"].endswith(end) and row["eps"] == eps
        ]
        if not of:
            return []
        found.append(statistics.fmean(of))
    what = f"Table 8: D_R's network, D_R train > D_R test > test set, eps {eps:g}"
    return [Claim(what, " > ".join(f"{value:.3f}" for value in found), found[0] > found[1] > found[2])]


def _plateau(rows: list[Row]) -> list[Claim]:
    steps = sorted({row["steps"] for row in rows if row["part"] == "steps"})
    if len(steps) < 2 or steps[-1] <= 100:
        return []
    last, before = (mean(rows, part="steps", steps=count, loss="cross-entropy") or 0.0 for count in (steps[-1], 100))
    what = f"Fig. 8: no more than a point is lost from 100 to {steps[-1]} steps"
    return [Claim(what, f"{before:.3f} to {last:.3f}", before - last <= 0.01 + 1e-9)]


def _transfer(rows: list[Row]) -> list[Claim]:
    found = []
    for test_set, kind in (("transferred", "untargeted"), ("transferred:next", "targeted")):
        points = transfer_points(rows, test_set)
        if len(points) > 2:
            learned, rates = [point[1] for point in points], [point[2] for point in points]
            rho, (low, high) = rank_correlation(learned, rates), bootstrap_interval(learned, rates)
            what = f"Fig. 3: architectures that learn more from D_det are fooled more ({kind}), rank correlation"
            found.append(Claim(what, f"{rho:.2f}, 95 % interval {low:.2f} to {high:.2f}", rho > 0))
    return found


PLANTED = {"robust": "robust", "nonrobust": "nonrobust", "rand": "nonrobust", "det": "nonrobust"}
"""Which of the planted components each set is to keep; the other one is to be lost."""


def _planted(rows: list[Row]) -> list[Claim]:
    found = []
    for name, component in PLANTED.items():
        shares = {one: kept_share(rows, name, one) for one in ("robust", "nonrobust")}
        keeps = shares.pop(component)
        (loses,) = shares.values()
        if keeps is None or loses is None:
            continue
        what = (
            f"Planted truth: {SETS[name]} keeps the {component} component (.8 or more), and not the other (.2 or less)"
        )
        found.append(Claim(what, f"{keeps:.3f} and {loses:.3f}", keeps >= 0.8 and loses <= 0.2))
    return found


def kept_share(rows: list[Row], name: str, component: str) -> float | None:
    """The share of a planted component's class signal that set `name` keeps, a mean over seeds; None if unmeasured."""
    shares = [row["kept"] for row in picked(rows, part="planted", train_set=name, component=component)]
    return statistics.fmean(shares) if shares else None
