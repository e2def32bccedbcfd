"""What is said of defensive distillation: what it stops (Papernot 2016), and what it does not (section VIII)."""

from collections.abc import Callable, Sequence

import numpy as np

from featsplit.engine.results import Results
from featsplit.outcomes import unpacked, unpacked_numbers
from featsplit.report.decisions import Check, Claim, because, decided
from featsplit.report.intervals import Interval, accuracy, difference, with_errors
from featsplit.report.rows import picked
from featsplit.studies.carlini2017.rows import CarliniRow
from featsplit.studies.carlini2017.settings import Settings
from featsplit.studies.carlini2017.statements import Array, Line, further, share_claim, where, written

HOT, STOPPED = 40.0, 0.2
"""From this temperature on distillation stops what it stops: at most this share succeeds."""
LOST = 0.03
"""What a student may lose in accuracy."""
CLOSE = 0.25
"""By which share a mean distance may differ from that at a temperature of 1."""
NEAR = (("carlini-wagner", "l2"), ("closest", "l2"), ("closest", "linf"), ("sparse", "l0-pixels"))
"""The searches that distillation does not stop."""
DRAWS = 2000


def line(
    rows: Sequence[CarliniRow], attack: str, norm: str | None, temperature: float, case: str | None = None
) -> list[CarliniRow]:
    """The rows of an attack at a temperature."""
    own = picked(rows, experiment="distillation", attack=attack, norm=norm, temperature=temperature)
    return [row for row in own if case is None or row.get("case") == case]


def temperatures(rows: Sequence[CarliniRow]) -> list[float]:
    """The temperatures of the rows, ascending."""
    return sorted({row["temperature"] for row in picked(rows, experiment="distillation")})


def _hot(rows: Sequence[CarliniRow]) -> list[float]:
    return [temperature for temperature in temperatures(rows) if temperature >= HOT]


def _kept(results: Results[Settings]) -> list[Claim]:
    found = temperatures(results.rows)
    if not found:
        return []
    first, *rest = [line(results.rows, "none", None, temperature) for temperature in found]

    def keeps(level: float) -> list[Interval]:
        return [difference(one, first, confidence=level).moved(LOST) for one in rest]

    verdict, intervals = decided(keeps)
    values = ", ".join(f"{accuracy(one).value:.3f}" for one in (first, *rest))
    what = f"Papernot 2016: distillation costs less than {LOST:g} of the accuracy, at every temperature"
    return [
        Claim(what, (Check(where(intervals[0]), verdict, values, written(intervals), why=because(verdict, intervals)),))
    ]


def _stopped(results: Results[Settings]) -> list[Claim]:
    attacks = {
        "the fast method": ("fgsm", "linf", None),
        "the iterative method": ("bim", "linf", None),
        "JSMA-F": ("jsma-f", "l0", "average"),
        "L-BFGS on the cross-entropy of the label": ("lbfgs", "l2", "untargeted"),
    }
    what = f"succeeds on less than {100 * STOPPED:g} % of the images from a temperature of {HOT:g} on"
    return [
        share_claim(
            f"Papernot 2016: {name} {what}",
            [line(results.rows, *attack[:2], temperature, attack[2]) for temperature in _hot(results.rows)],
            below=STOPPED,
        )
        for name, attack in attacks.items()
    ]


def _fallen(results: Results[Settings]) -> list[Claim]:
    rows, hot = results.rows, _hot(results.rows)
    if not hot:
        return []
    found = [
        share_claim(
            f"Section VIII: {attack} in {norm} reaches every target on the networks distilled at {HOT:g} and more "
            "(above 90 %)",
            [line(rows, attack, norm, temperature) for temperature in hot],
            above=0.9,
        )
        for attack, norm in NEAR
    ]
    return [*found, *(_as_near(rows, hot, attack, norm) for attack, norm in NEAR), *_cooled(rows, hot)]


def _as_near(rows: Sequence[CarliniRow], hot: Sequence[float], attack: str, norm: str) -> Claim:
    """That the mean distances there are about what they are at a temperature of 1."""
    first, found = (
        line(rows, attack, norm, temperatures(rows)[0]),
        [line(rows, attack, norm, temperature) for temperature in hot],
    )

    def alike(level: float) -> list[Interval]:
        lower = [further(one, first, 1 - CLOSE, level) for one in found]
        return [*lower, *(further(one, first, 1 + CLOSE, level).negative() for one in found)]

    verdict, intervals = decided(alike)
    ratios = ", ".join(f"{further(one, first).value:+.1%} at {hot[place]:g}" for place, one in enumerate(found))
    what = f"Section VIII: with {attack} in {norm} they are as near as at a temperature of 1, to {100 * CLOSE:g} %"
    return Claim(
        what, (Check(where(intervals[0]), verdict, ratios, written(intervals), why=because(verdict, intervals)),)
    )


def _cooled(rows: Sequence[CarliniRow], hot: Sequence[float]) -> list[Claim]:
    """That logits divided by the temperature give the methods that were stopped their gradient again."""
    found = []
    for name, attack in (("fast", "fgsm"), ("iterative", "bim")):
        pairs = [tuple(line(rows, which, "linf", one) for which in (attack, f"{attack}, Z/T")) for one in hot]
        pairs = [pair for pair in pairs if all(pair)]

        def apart(level: float, pairs: Sequence[tuple[Line, ...]] = pairs) -> list[Interval]:
            return [difference(*pair, confidence=level).moved(-0.5) for pair in pairs]

        if pairs:
            verdict, intervals = decided(apart)
            values = ", ".join(f"error {1 - accuracy(pair[1]).value:.3f}" for pair in pairs)
            what = f"On Z / T the {name} method succeeds again: its error is more than .5 above that on Z"
            found.append(
                Claim(
                    what,
                    (Check(where(intervals[0]), verdict, values, written(intervals), why=because(verdict, intervals)),),
                )
            )
    return found


def _correlated(results: Results[Settings]) -> list[Claim]:
    rows, found = results.rows, temperatures(results.rows)
    if len(found) < 3:
        return []
    jsma = [line(rows, "jsma-f", "l0", temperature) for temperature in found]
    far = [line(rows, "carlini-wagner", "l2", temperature) for temperature in found]
    falls = "Section VIII.C: the success of JSMA-F falls with the temperature (correlation below -0.4)"
    stays = "Section VIII.C: the nearest image in l2 is not further at a higher temperature (correlation below 0.5)"
    return [
        _below(falls, correlations(found, jsma, _successes), -0.4, len(found)),
        _below(stays, correlations(found, far, _distances), 0.5, len(found)),
    ]


def _below(what: str, rhos: Sequence[tuple[float, float]], threshold: float, count: int) -> Claim:
    """That the correlation is below a threshold."""
    if not rhos:
        return Claim(what, ())
    verdict, intervals = decided(lambda level: [correlation(rhos, level).negative().moved(threshold)])
    at = f"{count} temperatures, {f'{len(rhos)} seeds' if len(rhos) > 1 else '1 seed'}"
    return Claim(
        what,
        (Check(at, verdict, correlation(rhos, 0.95).signed(), written(intervals), why=because(verdict, intervals)),),
    )


def _successes(row: CarliniRow) -> Array:
    return 1 - unpacked(row["outcomes"], row["n"]).astype(np.float32)


def _distances(row: CarliniRow) -> Array:
    found = unpacked_numbers(row["distances"])
    return found[np.isfinite(found)]


def correlations(
    found: Sequence[float], lines: Sequence[Line], measure: Callable[[CarliniRow], Array]
) -> list[tuple[float, float]]:
    """Of each seed Pearson's correlation of the temperature with the mean of what is measured, and its error.

    The error is the spread of the correlation over `DRAWS` draws of images, with replacement, at each temperature.
    """
    rng, result = np.random.default_rng(0), list[tuple[float, float]]()
    for by_temperature in zip(*lines, strict=True):
        values = [measure(row) for row in by_temperature]
        if all(len(own) for own in values):
            means = [own.mean() for own in values]
            drawn = [own[rng.integers(len(own), size=(DRAWS, len(own)))].mean(axis=1) for own in values]
            spread = [_pearson(found, draw) for draw in np.stack(drawn, axis=1)]
            result.append((_pearson(found, means), float(np.std(spread))))
    return result


def _pearson(left: Sequence[float], right: Sequence[float]) -> float:
    """Pearson's correlation; 0 where one does not vary."""
    if np.std(right) == 0:
        return 0.0
    return float(np.corrcoef(left, right)[0, 1])


def correlation(found: Sequence[tuple[float, float]], level: float) -> Interval:
    """The mean correlation over seeds, with its interval."""
    values, errors = [rho for rho, _ in found], [error for _, error in found]
    interval = with_errors(values, errors, count=len(found), confidence=level)
    return interval._replace(low=max(interval.low, -1.0), high=min(interval.high, 1.0))


CLAIMS: tuple[Callable[[Results[Settings]], list[Claim]], ...] = (_kept, _stopped, _fallen, _correlated)
"""The statements of Papernot 2016, and of section VIII."""
