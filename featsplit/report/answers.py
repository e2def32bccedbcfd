"""Verdicts of the constructions: whether what came out is the answer that is known.

A number is off where it differs by more than is asked and by more than `SURE` standard errors, chance alone; undecided
where it differs by more than is asked and chance may be why, or where twice its standard error is more than is asked.
"""

import math
import statistics
from typing import Literal, NamedTuple

from featsplit.data.planted import Planted
from featsplit.report.rows import SETS, Row, picked
from featsplit.report.tables import Cells
from featsplit.synthesis import Perturb
from featsplit.toys.squares import GATE, SMALL
from featsplit.training import Adversary

ASKED: dict[int | str, float] = {1: 0.02, 2: 0.02, 3: 1e-6, "rule": 0.01}
"""How near the simulation of each theorem must come, as a share of a number's scale."""
SURE = 4
"""Standard errors that chance does not reach: in 1 of 16,000 numbers."""
BRITTLE, ROBUST = 0.1, 0.9
"""Of the squares: at most this share survives the small eps, and at least."""
KEEPS, LOSES = 0.8, 0.2
"""Of a planted component: a set keeps this share of its class signal or more; it loses it where no more is left."""
KEPT = {"robust": "robust", "nonrobust": "nonrobust", "rand": "nonrobust", "det": "nonrobust"}
"""Which of the planted components each set is to keep; the other one is to be lost."""


class Verdict(NamedTuple):
    """Whether `what` is as known, and in words by how much, with the usual cause and its cure where it is not."""

    what: str
    outcome: Literal["agrees", "undecided", "off"]
    says: str


def concluded(verdicts: list[Verdict]) -> str:
    """The verdicts in one paragraph: those that are not as known, or that all are."""
    rest = [f"{of.what} is {of.outcome}: {of.says}" for of in verdicts if of.outcome != "agrees"]
    if not verdicts:
        return "Verdict: none. At these settings nothing is known to compare with."
    return f"Verdict: {' '.join(rest)}" if rest else f"Verdict: all {len(verdicts)} are as known."


def is_off(verdicts: list[Verdict]) -> bool:
    """Whether one of them is off."""
    return any(of.outcome == "off" for of in verdicts)


class Gap(NamedTuple):
    """By how much a number, a mean over seeds, differs from its closed form, and its standard error; of its scale."""

    of: str
    difference: float
    error: float


def gaussians_verdicts(rows: list[Row]) -> list[Verdict]:
    """One for each theorem, and one for the rule."""
    return [_theorem(picked(rows, theorem=theorem), theorem, asked) for theorem, asked in ASKED.items()]


def agreement(rows: list[Row]) -> Cells:
    """The largest difference between formula and simulation, of means over seeds, for each theorem."""
    table = [["theorem", "largest difference", "asked", "verdict"]]
    for (theorem, asked), of in zip(ASKED.items(), gaussians_verdicts(rows), strict=True):
        largest = max(gap.difference for gap in _gaps(picked(rows, theorem=theorem)))
        exact = theorem == 3
        cells = [f"{largest:.1e}", f"{asked:g}"] if exact else [f"{100 * largest:.2f} %", f"{100 * asked:g} %"]
        table.append([of.what, *cells, of.outcome])
    return table


def numbers(rows: list[Row]) -> list[list[Row]]:
    """The rows of each number, one a seed."""
    return [picked(rows, of=of, eps=eps) for of, eps in dict.fromkeys((row["of"], row["eps"]) for row in rows)]


def _theorem(rows: list[Row], theorem: int | str, asked: float) -> Verdict:
    what, gaps = "The rule" if theorem == "rule" else f"Theorem {theorem}", _gaps(rows)
    limit = f"{asked:g}" if theorem == 3 else _percent(asked)
    off = [gap for gap in gaps if gap.difference > max(asked, SURE * gap.error)]
    if off:
        worst = max(off, key=lambda gap: gap.difference)
        cause = "Chance does not explain it: report it, with the command."
        if not all(row["converged"] for row in rows):
            cause = "The descent has not converged: try a smaller --eps, or variances that differ less."
        found = f"{worst.difference:.1e}" if theorem == 3 else _percent(worst.difference)
        return Verdict(what, "off", f"{worst.of} differs by {found}, and at most {limit} is asked. {cause}")
    error = 2 * max(gap.error for gap in gaps)
    if max(error, *(gap.difference for gap in gaps)) > asked:
        samples = rows[0]["samples"]
        need = max(2 * samples, 1000 * math.ceil(samples * (error / asked) ** 2 / 1000))
        says = f"{samples} samples tell it to within {_percent(error)}, and {limit} is asked: --samples {need}."
        return Verdict(what, "undecided", says)
    return Verdict(what, "agrees", f"{what} agrees within {limit}.")


def _gaps(rows: list[Row]) -> list[Gap]:
    """Of each number; the cosine of the means that were given is no statement of Theorem 3."""
    found = []
    for of in numbers([row for row in rows if not row["of"].startswith("cosine")]):
        scale, name = of[0]["scale"], of[0]["of"]
        difference = abs(statistics.fmean(row["simulated"] for row in of) - of[0]["closed"]) / scale
        error = math.sqrt(sum(row["error"] ** 2 for row in of)) / len(of) / scale
        found.append(Gap(name if of[0]["eps"] is None else f"{name} for eps {of[0]['eps']:g}", difference, error))
    return found


def squares_verdicts(rows: list[Row]) -> list[Verdict]:
    """That the linear model is robust at the small eps, and the deep one, which has fitted its labels, brittle."""
    fitted = min(row["train_accuracy"] for row in picked(rows, arm="deep", part="grid"))
    epochs = max(row["epoch"] for row in picked(rows, arm="deep", part="grid"))
    linear = _survives(rows, "linear", at_least=ROBUST)
    if fitted < GATE:
        says = f"it predicts {fitted:.4f} of its training labels, and {GATE:g} is asked before it is judged: "
        return [linear, Verdict("The deep network", "off", f"{says}--epochs {2 * epochs}.")]
    return [linear, _survives(rows, "deep", at_most=BRITTLE)]


def _survives(rows: list[Row], arm: str, *, at_least: float = 0.0, at_most: float = 1.0) -> Verdict:
    of = picked(rows, arm=arm, part="grid", eps=SMALL)
    share, images = statistics.fmean(row["accuracy"] for row in of), sum(row["n"] for row in of)
    limit = at_least or at_most
    beyond, chance = max(at_least - share, share - at_most), math.sqrt(limit * (1 - limit) / images)
    what = "The linear model" if arm == "linear" else "The deep network"
    rule = f"at least {at_least:g} is known" if at_least else f"at most {at_most:g} is known"
    says = f"{share:.3f} of the squares survive eps {SMALL:g}, and {rule}"
    if beyond <= 0:
        return Verdict(what, "agrees", f"{what}: {says}.")
    if beyond <= SURE * chance:
        return Verdict(what, "undecided", f"{says}; {images} squares tell no more: more --seeds.")
    return Verdict(
        what, "off", f"{says}; fewer squares than published leave it between: a larger --train, more --seeds."
    )


def judged(rows: list[Row], arm: str) -> str:
    """ "brittle" where at most .1 of the squares survive the small eps, "robust" where .9 do, else "between"."""
    found = statistics.fmean(row["accuracy"] for row in picked(rows, arm=arm, part="grid", eps=SMALL))
    return "brittle" if found <= BRITTLE else "robust" if found >= ROBUST else "between"


def known_sets(planted: Planted, adversary: Adversary, perturbed: Perturb) -> list[str]:
    """The sets of which it is known what they keep of `planted`.

    The adversary can write any non-robust pattern over another (twice its amplitude is within his linf budget), and
    cannot take the robust one away. The standard network prefers the non-robust one, which tells the class more often
    and stands out of the noise in a whole image; and D_rand and D_det have the budget to add it.
    """
    if adversary.norm != "linf" or not 2 * planted.nonrobust <= adversary.eps < planted.robust:
        return []
    stands_out = planted.nonrobust * planted.size >= 4 * planted.noise
    if not stands_out or planted.nonrobust_agrees <= planted.robust_agrees:
        return ["robust"]
    far_enough = perturbed.norm == "linf" and planted.nonrobust <= perturbed.eps < planted.robust
    return ["robust", "nonrobust", *(("rand", "det") if far_enough else ())]


def planted_verdicts(rows: list[Row], known: dict[float, list[str]]) -> list[Verdict]:
    """What each set keeps and loses; `known` are the sets of which that is known at each amplitude (`known_sets`)."""
    found = []
    for amplitude, names in known.items():
        of = picked(rows, part="planted", amplitude=amplitude)
        for name in names:
            shares = {part: _kept(of, name, part) for part in ("robust", "nonrobust")}
            keeps, loses = shares.pop(KEPT[name]), *shares.values()
            what = f"{SETS[name]} at amplitude {amplitude:g}"
            says = f"it keeps {keeps:.2f} of the {KEPT[name]} component (known: {KEEPS:g} or more) and {loses:.2f} of "
            says += f"the other ({LOSES:g} or less)"
            agrees = keeps >= KEEPS and loses <= LOSES
            cure = ". Usual cause: networks that have learned too little; --set train.epochs=, or more images."
            found.append(Verdict(what, "agrees" if agrees else "off", says + ("." if agrees else cure)))
    return found


def _kept(rows: list[Row], name: str, component: str) -> float:
    return statistics.fmean(row["kept"] for row in picked(rows, part="planted", train_set=name, component=component))


def _percent(share: float) -> str:
    return f"{100 * share:.2g} %" if share < 0.1 else f"{100 * share:.0f} %"
