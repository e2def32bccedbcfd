"""What the paper says of its numbers to each other, checked on a run of any size, as `decisions` tells.

Statements that a run measured nothing of are left out.
"""

from collections.abc import Sequence
from statistics import fmean

from featsplit.data.planted import COMPONENTS
from featsplit.report.answers import KEEPS, KEPT, LOSES
from featsplit.report.decisions import Check, Claim, at_each_eps, chain, correlated, decided, radii, where, written
from featsplit.report.intervals import Interval, Term, difference, weighted, with_errors
from featsplit.report.intervals import accuracy as accuracy_of
from featsplit.report.rows import SETS, Row, mean, picked

SPARED = 0.01
"""What PGD may take from 100 steps on where it has gone as far as it can."""


def claims(rows: list[Row], *, chance: float, known: Sequence[str] = ()) -> list[Claim]:
    """The paper's statements that the rows can say something of; what was not measured is left out.

    `chance` is the accuracy of a network that knows nothing: that of the most frequent class. `known` are the sets of
    planted data of which theory says what they keep (`answers.known_sets`).
    """
    found = [_order(rows, "main"), _order(rows, "autoattack"), *_learned(rows, chance), *_control(rows)]
    found += [_crossing(rows), _splits(rows), *_plateau(rows), *_transfer(rows), *_planted(rows, known)]
    return [claim for claim in found if claim.checks]


def telling_eps(rows: list[Row]) -> float:
    """The eps at which the order of robustness is decided, or the smaller one of the run where it is nowhere."""
    order = _order(rows, "main")
    telling = order.decisive.eps if order.checks and order.verdict == "holds" else None
    return smallest_eps(rows) if telling is None else telling


def smallest_eps(rows: list[Row]) -> float:
    """The smaller eps of the run (that of the transferred examples is another)."""
    return min(radii([row for row in rows if not row["test_set"].startswith("transferred")]))


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


def _order(rows: list[Row], part: str) -> Claim:
    """The order of Table 7, under the attack of `part`: at every eps at which all four networks were attacked."""
    own = picked(rows, part=part, test_set="source")
    attacks = [row["attack"] for row in own if row["attack"] != "none"]
    attack = part if part == "autoattack" else next(iter(attacks), None)
    networks = [("source", "adversarial"), ("robust", "standard"), ("source", "standard"), ("nonrobust", "standard")]
    lines = [picked(own, train_set=of, training=how, attack=attack, part=part) for of, how in networks]
    name = {"pgd": "PGD", "autoattack": "AutoAttack"}.get(str(attack), str(attack))
    return Claim(f"Table 7: adversarially trained > D_R > standard > D_NR, {name}", at_each_eps(lines))


def _learned(rows: list[Row], chance: float) -> list[Claim]:
    found = []
    for name in ("rand", "det"):
        own = picked(rows, part="main", train_set=name, test_set="source", attack="none")
        if own:

            def above(level: float, own: list[Row] = own) -> list[Interval]:
                return [accuracy_of(own, confidence=level).moved(-chance)]

            verdict, (further,) = decided(above)
            interval = further.moved(chance)
            check = Check(where(own, interval), verdict, f"{interval.value:.3f}", f"{interval}")
            found.append(Claim(f"Table 1: D_{name} teaches the true labels (chance {chance:.3f})", (check,)))
    return found


def _control(rows: list[Row]) -> list[Claim]:
    found = []
    for name in ("rand", "det"):
        own = picked(rows, part="main", train_set=name, test_set="source", attack="none")
        control = picked(rows, part="control", train_set=f"{name}-control", test_set="source", attack="none")
        if own and control:
            terms = [Term(1.0, own), Term(-1.5, control)]

            def further_than(level: float, terms: list[Term] = terms) -> list[Interval]:
                return [weighted(terms, confidence=level)]

            verdict, (further,) = decided(further_than)
            left, right = accuracy_of(own).value, accuracy_of(control).value
            measured = f"{left:.3f} / {right:.3f} = {left / max(right, 1e-9):.2f}"
            check = Check(where(own, further), verdict, measured, f"first - 1.5 x second: {written([further])}")
            what = f"Table 9: D_{name} of the robust network teaches the true labels less, by 1.5 or more"
            found.append(Claim(what, (check,)))
    return found


def _crossing(rows: list[Row]) -> Claim:
    of = {"part": "control", "train_set": "det-control", "attack": "none"}
    lines = [picked(rows, test_set=test, **of) for test in ("source:next", "source")]
    what = "Table 10: D_det of the robust network teaches labels y + 1 more than the true ones"
    return Claim(what, (chain(lines),) if all(lines) else ())


def _splits(rows: list[Row]) -> Claim:
    own = [row for row in picked(rows, part="splits") if row["attack"] != "none"]
    lines = [[row for row in own if row["test_set"].endswith(end)] for end in (":train", ":test", "source")]
    return Claim("Table 8: D_R's network, D_R train > D_R test > test set", at_each_eps(lines))


def _plateau(rows: list[Row]) -> list[Claim]:
    own = picked(rows, part="steps", loss="cross-entropy")
    steps = sorted({row["steps"] for row in own})
    if len(steps) < 2 or steps[-1] <= 100:
        return []
    before, last = (picked(own, part="steps", steps=count) for count in (100, steps[-1]))

    def spared(level: float) -> list[Interval]:
        return [difference(last, before, confidence=level).moved(SPARED)]

    verdict, (margin,) = decided(spared)
    measured = f"{accuracy_of(before).value:.3f} to {accuracy_of(last).value:.3f}"
    check = Check(where(before, margin), verdict, measured, written([margin.moved(-SPARED)]))
    return [Claim(f"Fig. 8: no more than a point is lost from 100 to {steps[-1]} steps", (check,))]


def _transfer(rows: list[Row]) -> list[Claim]:
    found = []
    for test_set, kind in (("transferred", "untargeted"), ("transferred:next", "targeted")):
        points = transfer_points(rows, test_set)
        if len(points) > 2:
            check = correlated([point[1] for point in points], [point[2] for point in points])
            what = f"Fig. 3: architectures that learn more from D_det are fooled more ({kind}), rank correlation"
            found.append(Claim(what, (check,)))
    return found


def _planted(rows: list[Row], known: Sequence[str]) -> list[Claim]:
    found = []
    for name in known:
        component = KEPT[name]
        other = next(one for one in COMPONENTS if one != component)
        shares = [picked(rows, part="planted", train_set=name, component=one) for one in (component, other)]
        if not all(shares):
            continue

        def keeps_one(level: float, shares: list[list[Row]] = shares) -> list[Interval]:
            keeps, loses = (with_errors(share, "kept", confidence=level) for share in shares)
            return [keeps.moved(-KEEPS), loses.negative().moved(LOSES)]

        verdict, (keeps, loses) = decided(keeps_one)
        measured = " and ".join(f"{fmean(row['kept'] for row in share):.3f}" for share in shares)
        intervals = f"{keeps.moved(KEEPS)}, {loses.moved(-LOSES).negative()}"
        at = f"n {keeps.n}, {f'{keeps.seeds} seeds' if keeps.seeds > 1 else '1 seed'}"
        what = f"Planted truth: {SETS[name]} keeps the {component} component (.8 or more), and not the other"
        found.append(Claim(f"{what} (.2 or less)", (Check(at, verdict, measured, intervals),)))
    return found
