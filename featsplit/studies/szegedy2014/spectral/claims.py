"""What the paper says of the spectral norm, and what is known of a bound."""

import math

import numpy as np

from featsplit.report.decisions import Claim, as_chain
from featsplit.report.intervals import CONFIDENCE, Interval, with_errors
from featsplit.report.rows import picked
from featsplit.studies.szegedy2014.convolutional import arms
from featsplit.studies.szegedy2014.intervals import Array, mean_of, packed_values
from featsplit.studies.szegedy2014.rows import SzegedyRow
from featsplit.studies.szegedy2014.statements import Run, counted, stated

LOOSE = 10
"""How many times the product is above any gain there is."""
ROUNDING = 1e-5


def claims(results: Run) -> list[Claim]:
    """All of them."""
    if "spectral" not in results.settings.experiments:
        return []
    found = [_first(results), _loose(results), *_smaller(results, "adversarial"), _certified(results)]
    return [*found, *(_smaller(results, "penalised") if "penalised" in arms(results.settings) else [])]


def layers(results: Run, arm: str) -> dict[str, list[SzegedyRow]]:
    """The rows of each layer of the network of `arm`, one a seed."""
    rows: list[SzegedyRow] = [
        row for row in picked(results.rows, experiment="spectral", training=arm) if "layer" in row
    ]
    return {name: picked(rows, layer=name) for name in dict.fromkeys(row["layer"] for row in rows)}


def whole(results: Run, arm: str) -> list[SzegedyRow]:
    """The rows of the network of `arm` as a whole, one a seed."""
    return [row for row in picked(results.rows, experiment="spectral", training=arm) if "product" in row]


def over_seeds(values: list[float], count: int, confidence: float = CONFIDENCE) -> Interval:
    """The mean of numbers that are exact for each seed."""
    return with_errors(values, [0.0] * len(values), count=count, confidence=confidence)


def _first(results: Run) -> Claim:
    rows = next(iter(layers(results, "standard").values()))
    values = [row["spectral_norm"] for row in rows]

    def above(level: float) -> list[Interval]:
        return [over_seeds([value - 1 for value in values], 1, level)]

    what = "Section 4.3: already the first layer can magnify a change (its norm on pixels is above 1)"
    return stated(what, above, ", ".join(f"{value:.2f}" for value in values))


def _loose(results: Run) -> Claim:
    rows = whole(results, "standard")

    def times(level: float) -> list[Interval]:
        return [over_seeds([math.log10(row["product"] / row["gain"] / LOOSE) for row in rows], rows[0]["n"], level)]

    measured = ", ".join(f"{row['product']:.0f} / {row['gain']:.1f}" for row in rows)
    return stated(f"The product of norms is {LOOSE} times the gain at any image, or more (log10)", times, measured)


def ratios(results: Run, arm: str) -> list[list[float]]:
    """For each layer, and last for the product: log10 of how much smaller than the standard network's; one a seed."""
    own, usual = layers(results, arm), layers(results, "standard")
    found = [
        [
            math.log10(one["spectral_norm"] / other["spectral_norm"])
            for one, other in zip(usual[name], rows, strict=True)
        ]
        for name, rows in own.items()
        if any(row["spectral_norm"] != 1 for row in rows)
    ]
    both = zip(whole(results, "standard"), whole(results, arm), strict=True)
    return [*found, [math.log10(one["product"] / other["product"]) for one, other in both]]


def _smaller(results: Run, arm: str) -> list[Claim]:
    """That the norms and the product of the network of `arm` are smaller, and its distances larger."""
    usual, own = whole(results, "standard"), whole(results, arm)
    found = ratios(results, arm)

    def smaller(level: float) -> list[Interval]:
        return [over_seeds(values, own[0]["n"], level) for values in found[:-1]]

    def product(level: float) -> list[Interval]:
        return [over_seeds(found[-1], own[0]["n"], level)]

    def further(level: float) -> list[Interval]:
        return [mean_of(_apart(own, usual), confidence=level)]

    trained = "adversarial training" if arm == "adversarial" else "a penalty on the norms"
    products = ", ".join(
        f"{one['product']:.0f} / {other['product']:.0f}" for one, other in zip(usual, own, strict=True)
    )
    by_layer = ", ".join(f"{10 ** float(np.mean(values)):.2f}" for values in found[:-1])
    medians = [float(np.median(np.concatenate([packed_values(row) for row in rows]))) for rows in (own, usual)]
    each = stated(f"With {trained} the norm of each layer is smaller (log10)", smaller, f"{by_layer} times smaller")
    return [
        *([each] if arm == "adversarial" else []),
        stated(f"With {trained} the product of norms is smaller (log10)", product, products),
        stated(f"With {trained} adversarial images are further away", further, f"median l2 {as_chain(medians)}"),
    ]


def _apart(own: list[SzegedyRow], usual: list[SzegedyRow]) -> list[Array]:
    return [packed_values(one) - packed_values(other) for one, other in zip(own, usual, strict=True)]


def _certified(results: Run) -> Claim:
    rows = [row for arm in arms(results.settings) for row in whole(results, arm)]
    bound = np.concatenate([packed_values(row, "certified") for row in rows])
    found = np.concatenate([packed_values(row) for row in rows])
    attacked = found > 0
    nearest = float((found[attacked] / np.maximum(bound[attacked], 1e-12)).min(initial=np.inf))
    what = "No adversarial image lies within the certified radius"
    measured = f"the nearest is {nearest:.1f} times as far"
    return counted(what, int((found >= bound - ROUNDING).sum()), len(found), measured=measured, known=True)
