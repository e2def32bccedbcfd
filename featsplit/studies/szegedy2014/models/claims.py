"""What the paper says of the six networks, and what is known of the linear ones."""

import numpy as np

from featsplit.report.decisions import Claim, as_chain
from featsplit.report.intervals import Interval, accuracy, difference
from featsplit.studies.szegedy2014.intervals import mean_of, packed_values, wrong
from featsplit.studies.szegedy2014.models.numbers import (
    DECAYED,
    LINEAR,
    NAMES,
    distortion,
    fooled,
    fools_more,
    further,
    rms,
)
from featsplit.studies.szegedy2014.statements import Run, counted, read, shown_to, stated

SIDE = 28
"""Noise of a given rms is weaker beside an attack the more pixels there are; the paper's images have this side."""
HARMLESS = 0.02
"""The test error that noise of rms .1 may add."""
NOISE = 0.1
ROUNDING = 1e-3
"""By which share of it a distance of float32 may lie below the exact one."""


def claims(results: Run) -> list[Claim]:
    """All of them."""
    if "models" not in results.settings.experiments:
        return []
    return [_all_fooled(results), _decay(results), _transfer(results), *_noise(results), _exact(results)]


def _all_fooled(results: Run) -> Claim:
    rows = [row for name in NAMES for row in shown_to(results, name, name, group="models")]
    fooled_images, found = sum(int(wrong(row).sum()) for row in rows), sum(row["n"] for row in rows)
    success = sum(row["success"] for row in rows) / len(rows)
    what = "Table 2: every image can be distorted so that the network predicts a class drawn at random"
    return counted(what, fooled_images, found, measured=f"target reached for {success:.3f} of them")


def _decay(results: Run) -> Claim:
    steps = [("FC10(1)", "FC10(1e-2)"), ("FC10(1e-2)", "FC10(1e-4)")]

    def grows(level: float) -> list[Interval]:
        return [further(results, more, less, confidence=level) for more, less in steps]

    measured = as_chain([distortion(results, name).value for name in reversed(LINEAR)])
    return stated("Table 1: distortion grows with weight decay, FC10(1) > FC10(1e-2) > FC10(1e-4)", grows, measured)


def _transfer(results: Run) -> Claim:
    rest = [name for name in NAMES if name not in DECAYED]

    def more(level: float) -> list[Interval]:
        return [fools_more(results, decayed, other, confidence=level) for decayed in DECAYED for other in rest]

    means = {name: mean_of(fooled(results, name)).value for name in NAMES}
    measured = ", ".join(f"{means[name]:.2f}" for name in DECAYED) + " / " + ", ".join(f"{means[n]:.2f}" for n in rest)
    what = "Table 2: images made for FC10(1e-2) or FC10(1) fool more of the other networks than those made for the rest"
    return stated(what, more, measured)


def _noise(results: Run) -> list[Claim]:
    data, noise = results.data, results.settings.noise
    if data is None or min(data.shape[1:]) < SIDE or NOISE not in noise:
        return []

    def little(level: float) -> list[Interval]:
        lines = [
            (read(results, name, "test", group="models"), read(results, name, "test", group="models", noise=NOISE))
            for name in NAMES
        ]
        return [difference(clean, noisy, confidence=level).negative().moved(HARMLESS) for clean, noisy in lines]

    added = [HARMLESS - one.value for one in little(0.95)]
    what = f"Table 2: Gaussian noise of rms {NOISE:g} adds less than {100 * HARMLESS:g} points to each test error"
    measured = ", ".join(f"{100 * one:.1f}" for one in added)
    return [stated(what, little, measured), _noise_beside(results)]


def _noise_beside(results: Run) -> Claim:
    """That the distortions are shorter than that noise, and fool all."""

    def shorter(level: float) -> list[Interval]:
        return [
            mean_of([(array < NOISE).astype(float) for array in rms(results, name)], confidence=level).moved(-0.5)
            for name in NAMES
            if name not in DECAYED
        ]

    shares = [f"{one.value + 0.5:.2f}" for one in shorter(0.95)]
    what = f"Table 2: most distortions are shorter than noise of rms {NOISE:g}, but for the networks that decay most"
    return stated(what, shorter, ", ".join(shares))


def _exact(results: Run) -> Claim:
    """An attack cannot be nearer than the nearest there is."""
    rows = [row for name in LINEAR for row in shown_to(results, name, name, group="models")]
    with np.errstate(invalid="ignore"):  # not reached, and not to be reached
        ratios = np.concatenate([packed_values(row) / np.maximum(packed_values(row, "exact"), 1e-9) for row in rows])
    finite = ratios[np.isfinite(ratios)]
    measured = f"{float(finite.mean()):.3f} times as far in the mean, {float(finite.min()):.4f} at the least"
    what = "Linear networks: no distortion found is shorter than the least there is for that class"
    return counted(what, int((finite >= 1 - ROUNDING).sum()), len(finite), measured=measured, known=True)


def error(results: Run, made_for: str, network: str) -> Interval | None:
    """The error of `network` on images made for a network, with its interval."""
    rows = shown_to(results, made_for, network, group="models")
    return accuracy(rows).negative().moved(1.0) if rows else None
