"""What the paper says of the five transformations, as rates over the whole range of each."""

from collections.abc import Callable, Sequence
from itertools import pairwise

from featsplit.engine.results import Results
from featsplit.report.decisions import Check, Claim
from featsplit.report.intervals import Verdict
from featsplit.report.rates import Counted, Weighted
from featsplit.report.rows import picked
from featsplit.studies.kurakin2017.checks import NAMES, all_of, checked, mean_of, value_of
from featsplit.studies.kurakin2017.examples import METHODS
from featsplit.studies.kurakin2017.rows import KurakinRow, counted_of
from featsplit.studies.kurakin2017.settings import Settings
from featsplit.studies.kurakin2017.transformations.images import IDENTITY, RANGES

MILD, HARSH = ("brightness", "contrast"), ("blur", "jpeg")
ROUNDING = 0.01
"""The rate that 8 bits alone may destroy."""


def measured(
    rows: Sequence[KurakinRow], method: str, levels: int | None, name: str, strength: float
) -> list[KurakinRow]:
    """The rows of a method at an eps after a transformation of some strength, one a seed."""
    return picked(
        rows, experiment="transformations", attack=method, levels=levels, transformation=name, strength=strength
    )


def counted(rows: Sequence[KurakinRow], method: str, levels: int, name: str, strength: float) -> list[Counted]:
    """Which adversarial images count, and which of them the transformation destroys, once a seed."""
    return counted_of(measured(rows, method, levels, name, strength))


def mean_rate(rows: Sequence[KurakinRow], method: str, levels: int, *names: str) -> list[Weighted]:
    """The destruction rate of the transformations `names`, in the mean over their strengths."""
    found = [counted(rows, method, levels, name, strength) for name in names for strength in RANGES[name]]
    return mean_of(found)


def _least_likely(results: Results[Settings]) -> list[Claim]:
    found = []
    for name in RANGES:
        checks = []
        for levels in results.settings.transformed:
            first, *others = (
                mean_rate(results.rows, method, levels, name) for method in ("least-likely", "fast", "basic")
            )
            statement = all_of([(first, other) for other in others])
            if statement:
                values = f"{value_of(first)} > {value_of(others[0])} (fast), {value_of(others[1])} (basic)"
                checks.append(
                    checked(f"linf {levels}/255", statement, measured=values, asked=len(results.settings.transformed))
                )
        what = f"Figure 6: {name} destroys most of what was aimed at the least likely class (mean over its strengths)"
        found.append(Claim(what, tuple(checks)))
    return found


def _mild(results: Results[Settings]) -> list[Claim]:
    found = []
    for method in ("fast", "basic"):
        checks = []
        for levels in results.settings.transformed:
            rates = {name: mean_rate(results.rows, method, levels, name) for name in (*MILD, *HARSH)}
            statement = all_of([(rates[harsh], rates[mild]) for mild in MILD for harsh in HARSH])
            if statement:
                values = ", ".join(f"{name} {value_of(rate)}" for name, rate in rates.items())
                checks.append(
                    checked(f"linf {levels}/255", statement, measured=values, asked=len(results.settings.transformed))
                )
        what = f"Figure 6, {NAMES[method]} method: brightness and contrast each destroy less than blur and JPEG each"
        found.append(Claim(what, tuple(checks)))
    return found


def _falls(results: Results[Settings]) -> list[Claim]:
    found, sizes = [], sorted(results.settings.transformed)
    for method in METHODS:
        rates = [mean_rate(results.rows, method, levels, *RANGES) for levels in sizes]
        statement = all_of(list(pairwise(rates)))
        if statement:
            at = f"linf {', '.join(map(str, sizes))}, in 255ths"
            check = checked(at, statement, measured=" > ".join(map(value_of, rates)))
            found.append(
                Claim(f"The {NAMES[method]} method: less is destroyed at a larger eps (mean over all)", (check,))
            )
    return found


def _fast(results: Results[Settings]) -> list[Claim]:
    checks = []
    for levels in results.settings.transformed:
        fast, basic = (mean_rate(results.rows, method, levels, *RANGES) for method in ("fast", "basic"))
        if statement := all_of([(basic, fast)]):
            values = f"{value_of(fast)} (fast) < {value_of(basic)} (basic)"
            checks.append(
                checked(f"linf {levels}/255", statement, measured=values, asked=len(results.settings.transformed))
            )
    return [
        Claim(
            "Section 5: the fast method's examples are the most robust, more than the basic one's (mean over all)",
            tuple(checks),
        )
    ]


def _nothing(results: Results[Settings]) -> list[Claim]:
    """That nothing destroys nothing, and a file of 8 bits nearly nothing."""
    same = [row for row in picked(results.rows, experiment="transformations", transformation=IDENTITY) if row.get("of")]
    files = [row for row in picked(results.rows, experiment="stored") if row["of"] and row["attack"] != "noise"]
    found = []
    for what, rows, most in (
        ("No transformation destroys nothing", same, 0.0),
        ("8 bits alone destroy next to nothing", files, ROUNDING),
    ):
        if rows:
            worst = max(row["rate"] or 0.0 for row in rows)
            verdict: Verdict = "holds" if worst <= most else "does not hold"
            check = Check(f"{len(rows)} sets of images", verdict, f"a rate of {worst:.3f} at most", "")
            found.append(Claim(what, (check,), known=True))
    return found


ASKED: tuple[Callable[[Results[Settings]], list[Claim]], ...] = (_least_likely, _mild, _falls, _fast, _nothing)


def claims(results: Results[Settings]) -> list[Claim]:
    """The statements of the experiment."""
    if "transformations" not in results.settings.experiments:
        return []
    return [claim for ask in ASKED for claim in ask(results)]
