"""What the claims and the page say of the six networks: distortions, errors, and how many others are fooled."""

from collections.abc import Sequence

import numpy as np

from featsplit.report.intervals import CONFIDENCE, Interval
from featsplit.studies.szegedy2014.intervals import Array, mean_of, packed_values, wrong
from featsplit.studies.szegedy2014.networks import MODELS
from featsplit.studies.szegedy2014.rows import Packed
from featsplit.studies.szegedy2014.statements import Run, shown_to

NAMES = tuple(network.name for network in MODELS)
LINEAR = tuple(network.name for network in MODELS if network.is_linear)
DECAYED = ("FC10(1e-2)", "FC10(1)")
"""The networks that decay most."""


def pixels(results: Run) -> int:
    """How many components an image has."""
    assert results.data is not None
    return int(np.prod(results.data.shape))


def rms(results: Run, name: str, *, group: str = "models", field: Packed = "distances") -> list[Array]:
    """The distortions of the images made for a network, an array for each seed; in rms a pixel."""
    size = pixels(results) ** 0.5
    return [packed_values(row, field) / size for row in shown_to(results, name, name, group=group)]


def distortion(results: Run, name: str, *, group: str = "models", field: Packed = "distances") -> Interval:
    """Their mean."""
    return mean_of(rms(results, name, group=group, field=field))


def distorted(results: Run, names: Sequence[str], *, group: str) -> str:
    """The mean distortion of the images made for each network, in a sentence."""
    far = ", ".join(f"{name} {distortion(results, name, group=group)}" for name in names)
    return f"Mean distortions, rms a pixel: {far}."


def further(results: Run, more: str, less: str, *, confidence: float = CONFIDENCE) -> Interval:
    """By how much the same images have to be distorted more for one network than for another."""
    both = zip(rms(results, more), rms(results, less), strict=True)
    return mean_of([one - other for one, other in both], confidence=confidence)


def fooled(results: Run, made_for: str) -> list[Array]:
    """Of each image made for a network the share of the other five that predict it wrongly; an array for each seed."""
    others = [shown_to(results, made_for, name, group="models") for name in NAMES if name != made_for]
    return [np.mean([wrong(row) for row in rows], axis=0) for rows in zip(*others, strict=True)]


def fools_more(results: Run, more: str, less: str, *, confidence: float = CONFIDENCE) -> Interval:
    """How much more of the others the images made for one network fool than those made for another."""
    both = zip(fooled(results, more), fooled(results, less), strict=True)
    return mean_of([one - other for one, other in both], confidence=confidence)
