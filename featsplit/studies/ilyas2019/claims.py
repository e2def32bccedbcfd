"""What the paper says of its numbers to each other, checked on a run of any size, as `report.decisions` tells.

Statements that a run measured nothing of have no checks.
"""

from collections.abc import Callable, Sequence
from statistics import fmean
from typing import Literal

from featsplit.data.planted import COMPONENTS, is_planted, planted_from
from featsplit.engine.results import Results
from featsplit.metadata.derived_sets import DERIVED_SETS
from featsplit.report.decisions import (
    Check,
    Claim,
    at_each_eps,
    because,
    chain,
    correlated,
    decided,
    radii,
    where,
    written,
)
from featsplit.report.intervals import Interval, Term, difference, weighted, with_errors
from featsplit.report.intervals import accuracy as accuracy_of
from featsplit.report.rows import mean, picked
from featsplit.rows import Row
from featsplit.studies.ilyas2019.planted import KEEPS, KEPT, LOSES, known_sets
from featsplit.studies.ilyas2019.rows import PlantedRow
from featsplit.studies.ilyas2019.settings import Settings

SPARED = 0.01
"""What PGD may take from 100 steps on where it has gone as far as it can."""
Aim = Literal["untargeted", "targeted"]
LABELS: dict[Aim, str | None] = {"untargeted": None, "targeted": "next"}


def telling_eps(rows: Sequence[Row]) -> float:
    """The eps at which the order of robustness is decided, or the smallest one of the run where it is nowhere."""
    order = order_of_robustness(rows, "main")
    telling = order.decisive.eps if order.checks and order.verdict == "holds" else None
    return smallest_eps(rows) if telling is None else telling


def smallest_eps(rows: Sequence[Row]) -> float:
    """The smallest eps of the run greater than 0; transferred examples, and curves by epoch, may have another."""
    return min(radii([row for row in rows if row["test_set"] != "transferred" and row["experiment"] != "epochs"]))


def transfer_points(rows: Sequence[Row], aim: Aim) -> list[tuple[str, float, float]]:
    """For each architecture: its name, its accuracy when trained on D_det, its transfer rate; means over seeds."""
    points, transferred = [], picked(rows, test_set="transferred", labels=LABELS[aim])
    for arch in dict.fromkeys(row["architecture"] for row in transferred):
        on = {"train_set": "det", "architecture": arch, "test_set": "source", "attack": "none"}
        compared = mean(rows, experiment="architectures", **on)
        learned = mean(rows, experiment="main", **on) if compared is None else compared
        rate = fmean(row["accuracy"] for row in picked(transferred, architecture=arch))
        if learned is not None:
            points.append((arch, learned, rate if aim == "targeted" else 1 - rate))
    return points


def order_of_robustness(rows: Sequence[Row], experiment: str) -> Claim:
    """The order of Table 7, under the attack of `experiment`: at every eps at which all four networks were attacked."""
    measured = picked(rows, experiment=experiment, test_set="source")
    attacks = [row["attack"] for row in measured if row["attack"] != "none"]
    attack = experiment if experiment == "autoattack" else next(iter(attacks), None)
    networks = [("source", "adversarial"), ("robust", "standard"), ("source", "standard"), ("nonrobust", "standard")]
    lines = [picked(measured, train_set=of, training=how, attack=attack) for of, how in networks]
    name = {"pgd": "PGD", "autoattack": "AutoAttack"}.get(str(attack), str(attack))
    names = ("adversarially trained", "D_R", "standard", "D_NR")
    return Claim(f"Table 7: adversarially trained > D_R > standard > D_NR, {name}", at_each_eps(lines, names))


def _orders(results: Results[Settings]) -> list[Claim]:
    return [order_of_robustness(results.rows, experiment) for experiment in ("main", "autoattack")]


def _learned(results: Results[Settings]) -> list[Claim]:
    found, rows, chance = [], results.rows, results.chance
    for name in ("rand", "det"):
        own = picked(rows, experiment="main", train_set=name, test_set="source", attack="none")
        if own:

            def above(level: float, own: list[Row] = own) -> list[Interval]:
                return [accuracy_of(own, confidence=level).moved(-chance)]

            verdict, (further,) = decided(above)
            interval, name_of = further.moved(chance), f"D_{name} above chance, {chance:.3f},"
            check = Check(
                where(own, interval),
                verdict,
                f"{interval.value:.3f}",
                f"{interval}",
                why=because(verdict, [further], [name_of]),
            )
            found.append(Claim(f"Table 1: D_{name} teaches the true labels (chance {chance:.3f})", (check,)))
    return found


def _control(results: Results[Settings]) -> list[Claim]:
    found, rows = [], results.rows
    for name in ("rand", "det"):
        own = picked(rows, experiment="main", train_set=name, test_set="source", attack="none")
        control = picked(rows, experiment="control", train_set=f"{name}-control", test_set="source", attack="none")
        if own and control:
            terms = [Term(1.0, own), Term(-1.5, control)]

            def further_than(level: float, terms: list[Term] = terms) -> list[Interval]:
                return [weighted(terms, confidence=level)]

            verdict, (further,) = decided(further_than)
            left, right = accuracy_of(own).value, accuracy_of(control).value
            measured = f"{left:.3f} / {right:.3f} = {left / max(right, 1e-9):.2f}"
            check = Check(
                where(own, further),
                verdict,
                measured,
                f"first - 1.5 x second: {written([further])}",
                why=because(verdict, [further], ["first > 1.5 x second"]),
            )
            what = f"Table 9: D_{name} of the robust network teaches the true labels less, by 1.5 or more"
            found.append(Claim(what, (check,)))
    return found


def _crossing(results: Results[Settings]) -> list[Claim]:
    measured = picked(results.rows, experiment="control", train_set="det-control", attack="none")
    lines = [picked(measured, test_set="source", labels=labels) for labels in ("next", None)]
    what = "Table 10: D_det of the robust network teaches labels y + 1 more than the true ones"
    return [Claim(what, (chain(lines, ("labels y + 1", "true labels")),) if all(lines) else ())]


def _splits(results: Results[Settings]) -> list[Claim]:
    attacked = [row for row in picked(results.rows, experiment="splits") if row["attack"] != "none"]
    lines = [picked(attacked, split=split) for split in ("train", "test", None)]
    return [
        Claim(
            "Table 8: D_R's network, D_R train > D_R test > test set",
            at_each_eps(lines, ("D_R train", "D_R test", "test set")),
        )
    ]


def _plateau(results: Results[Settings]) -> list[Claim]:
    measured = picked(results.rows, experiment="steps", loss="cross-entropy")
    steps = sorted({row["steps"] or 0 for row in measured})
    if len(steps) < 2 or steps[-1] <= 100:
        return []
    before, last = (picked(measured, steps=count) for count in (100, steps[-1]))

    def spared(level: float) -> list[Interval]:
        return [difference(last, before, confidence=level).moved(SPARED)]

    verdict, (margin,) = decided(spared)
    values = f"{accuracy_of(before).value:.3f} to {accuracy_of(last).value:.3f}"
    check = Check(
        where(before, margin),
        verdict,
        values,
        written([margin.moved(-SPARED)]),
        why=because(verdict, [margin], [f"a loss of at most {SPARED:g}"]),
    )
    return [Claim(f"Fig. 8: no more than a point is lost from 100 to {steps[-1]} steps", (check,))]


def _transfer(results: Results[Settings]) -> list[Claim]:
    found = []
    for aim in LABELS:
        points = transfer_points(results.rows, aim)
        if len(points) > 2:
            check = correlated([point[1] for point in points], [point[2] for point in points])
            what = f"Fig. 3: architectures that learn more from D_det are fooled more ({aim}), rank correlation"
            found.append(Claim(what, (check,)))
    return found


def _planted(results: Results[Settings]) -> list[Claim]:
    source, adversary = results.settings.data.source, results.settings.train.adversarial.adversary
    if not is_planted(source) or adversary is None:
        return []
    known = known_sets(planted_from(source), adversary, results.settings.perturb)
    return [claim for name in known if (claim := _kept(results.rows, name)) is not None]


def _kept(rows: Sequence[PlantedRow], name: str) -> Claim | None:
    """That a set of planted data keeps the component that it is known to keep, and loses the other."""
    component = KEPT[name]
    other = next(one for one in COMPONENTS if one != component)
    shares = [picked(rows, experiment="planted", train_set=name, component=one) for one in (component, other)]
    if not all(shares):
        return None

    def keeps_one(level: float) -> list[Interval]:
        keeps, loses = (
            with_errors(
                [row["kept"] for row in share],
                [row["error"] for row in share],
                count=min(row["n"] for row in share),
                confidence=level,
            )
            for share in shares
        )
        return [keeps.moved(-KEEPS), loses.negative().moved(LOSES)]

    verdict, (keeps, loses) = decided(keeps_one)
    measured = " and ".join(f"{fmean(row['kept'] for row in share):.3f}" for share in shares)
    intervals = f"{keeps.moved(KEEPS)}, {loses.moved(-LOSES).negative()}"
    names = [f"{component} component > {KEEPS:g}", f"{other} component < {LOSES:g}"]
    at = f"n {keeps.n}, {f'{keeps.seeds} seeds' if keeps.seeds > 1 else '1 seed'}"
    what = f"Planted truth: {DERIVED_SETS[name].symbol} keeps the {component} component (.8 or more), and not the other"
    return Claim(
        f"{what} (.2 or less)", (Check(at, verdict, measured, intervals, why=because(verdict, [keeps, loses], names)),)
    )


CLAIMS: tuple[Callable[[Results[Settings]], list[Claim]], ...] = (
    _orders,
    _learned,
    _control,
    _crossing,
    _splits,
    _plateau,
    _transfer,
    _planted,
)
"""The paper's statements; of planted data what theory knows besides."""
