"""What the paper and the lectures say of the three methods by eps."""

from collections.abc import Callable, Sequence
from statistics import fmean

from featsplit.engine.results import Results
from featsplit.report.decisions import Claim, chain
from featsplit.report.intervals import Interval, difference
from featsplit.report.rows import picked
from featsplit.studies.kurakin2017.checks import NAMES, TIE, checked
from featsplit.studies.kurakin2017.examples import METHODS, NOISE
from featsplit.studies.kurakin2017.rows import KurakinRow
from featsplit.studies.kurakin2017.settings import Settings

SMALL = 16
"""The eps, in 255ths, below which perturbations are small."""
FEW = 20
"""Classes below which the least likely is hard to reach."""
Line = list[KurakinRow]


def measured(rows: Sequence[KurakinRow], method: str, levels: int | None = None) -> Line:
    """The rows of a method at an eps of `levels`/255, one a seed; "none" is clean."""
    return picked(rows, experiment="methods", attack=method, levels=levels)


def sizes(results: Results[Settings], *, below: int = 256) -> list[int]:
    """The eps of the run in 255ths, ascending, those `below`."""
    return sorted(one for one in results.settings.eps if one < below)


def mean(line: Line) -> float:
    """The mean accuracy over seeds."""
    return fmean(row["accuracy"] for row in line)


def _falls(results: Results[Settings]) -> list[Claim]:
    """That accuracy falls from clean to the larger of the small eps."""
    found = []
    for method in METHODS:
        lines = [
            measured(results.rows, "none"),
            *(measured(results.rows, method, one) for one in sizes(results, below=SMALL)),
        ]
        if len(lines) > 1:
            last = sizes(results, below=SMALL)[-1]
            what = f"The {NAMES[method]} method: accuracy falls with eps, from clean to {last}/255"
            found.append(Claim(what, (chain(lines)._replace(at=f"n {lines[0][0]['n']}"),)))
    return found


def _pairs(results: Results[Settings], left: str, right: Sequence[str], below: int) -> list[tuple[Line, Line]]:
    return [
        (measured(results.rows, left, one), measured(results.rows, other, one))
        for one in sizes(results, below=below)
        for other in right
    ]


def _claim(what: str, pairs: Sequence[tuple[Line, Line]], *, allowed: float = 0.0) -> list[Claim]:
    """That the accuracy of each first line is above that of the second, less what is `allowed`."""
    if not pairs:
        return []

    def statement(level: float) -> list[Interval]:
        return [difference(left, right, confidence=level).moved(allowed) for left, right in pairs]

    eps = [int(left[0]["levels"]) for left, _ in pairs]
    at = f"linf {min(eps)}/255 to {max(eps)}/255" if len(set(eps)) > 1 else f"linf {eps[0]}/255"
    values = ", ".join(f"{mean(left):.3f} / {mean(right):.3f}" for left, right in pairs[:4])
    more = " ..." if len(pairs) > 4 else ""
    return [Claim(what, (checked(at, statement, measured=values + more),))]


def _basic(results: Results[Settings]) -> list[Claim]:
    what = f"The basic method leaves no more accuracy than the fast one, at every eps (to within {TIE:g})"
    return _claim(what, _pairs(results, "fast", ["basic"], 256), allowed=TIE)


def _least_likely(results: Results[Settings]) -> list[Claim]:
    """Both orders: that of ImageNet, which paper and lectures state, and that of few classes."""
    turned = [(right, left) for left, right in _pairs(results, "least-likely", ["fast", "basic"], SMALL)]
    paper = "Figure 2, and lecture: aimed at the least likely class the method leaves the least accuracy at small eps"
    found = _claim(paper, turned)
    if results.data is not None and len(results.data.classes) < FEW:
        what = f"Of {len(results.data.classes)} classes it is the weakest of the three at every eps below {SMALL}/255"
        found += _claim(what, _pairs(results, "least-likely", ["fast", "basic"], SMALL))
    return found


def _noise(results: Results[Settings]) -> list[Claim]:
    what = f"Noise of the same size leaves more accuracy than each method, at every eps below {SMALL}/255"
    return _claim(what, _pairs(results, NOISE, METHODS, SMALL))


def claims(results: Results[Settings]) -> list[Claim]:
    """The statements of the experiment."""
    if "methods" not in results.settings.experiments:
        return []
    return [claim for ask in ASKED for claim in ask(results)]


ASKED: tuple[Callable[[Results[Settings]], list[Claim]], ...] = (_falls, _basic, _least_likely, _noise)
