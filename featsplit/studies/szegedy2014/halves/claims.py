"""What the paper says of networks that were trained on disjoint halves."""

from featsplit.report.decisions import Claim, as_chain
from featsplit.report.intervals import Interval, accuracy, difference
from featsplit.studies.szegedy2014.intervals import wrong
from featsplit.studies.szegedy2014.networks import HALVES
from featsplit.studies.szegedy2014.statements import Run, counted, pairs, read, shown_to, stated

NAMES = tuple(network.name for network in HALVES)
SAME = (("FC100-100-10", "FC123-456-10"), ("FC123-456-10", "FC100-100-10"))
"""Each network of P1, with the other one."""
OTHER = "FC100-100-10'"
MOST, HARMLESS = 0.6, 0.03
"""The error that amplified distortions pass, and the test error that noise of the same rms may add."""


def claims(results: Run) -> list[Claim]:
    """All of them."""
    if "halves" not in results.settings.experiments:
        return []
    return [_all_fooled(results), _same_half(results), *_amplified(results), _grows(results), _noise(results)]


def _all_fooled(results: Run) -> Claim:
    rows = [row for name in NAMES for row in shown_to(results, name, name, group="halves")]
    what = "Table 4: every test image can be distorted so that the network of a half predicts a class drawn at random"
    success = sum(row["success"] for row in rows) / len(rows)
    fooled, found = sum(int(wrong(row).sum()) for row in rows), sum(row["n"] for row in rows)
    return counted(what, fooled, found, measured=f"target reached for {success:.3f} of them")


def _same_half(results: Run) -> Claim:
    lines = [
        (shown_to(results, made_for, OTHER, group="halves"), shown_to(results, made_for, partner, group="halves"))
        for made_for, partner in SAME
    ]

    def more(level: float) -> list[Interval]:
        return [difference(other, same, confidence=level) for other, same in lines]

    measured = ", ".join(as_chain([1 - accuracy(rows).value for rows in (same, other)]) for other, same in lines)
    return stated("Table 4: a network of the same half is fooled more than one of the other half", more, measured)


def _amplified(results: Run) -> list[Claim]:
    """Once for the network of the same half, once for those of the other."""
    size, same = results.settings.amplified, list(SAME)
    other = [pair for pair in pairs(NAMES) if pair not in same]
    return [
        _above(
            results,
            f"Table 4: amplified to rms {size:g}, more than {MOST:.0%} fool the other network of that half",
            same,
        ),
        _above(
            results, f"Amplified, more than {MOST:.0%} fool networks of the other half (22 to 50 % in the paper)", other
        ),
    ]


def _above(results: Run, what: str, chosen: list[tuple[str, str]]) -> Claim:
    lines = [shown_to(results, made_for, name, group="halves", moment="amplified") for made_for, name in chosen]

    def above(level: float) -> list[Interval]:
        return [accuracy(rows, confidence=level).negative().moved(1 - MOST) for rows in lines]

    return stated(what, above, ", ".join(f"{1 - accuracy(rows).value:.3f}" for rows in lines))


def _grows(results: Run) -> Claim:
    lines = [
        (shown_to(results, *pair, group="halves"), shown_to(results, *pair, group="halves", moment="amplified"))
        for pair in pairs(NAMES)
    ]

    def more(level: float) -> list[Interval]:
        return [difference(plain, stretched, confidence=level) for plain, stretched in lines]

    gained = [f"{accuracy(plain).value - accuracy(stretched).value:+.2f}" for plain, stretched in lines]
    return stated("Table 4: amplified, distortions fool more than as found", more, ", ".join(gained))


def _noise(results: Run) -> Claim:
    lines = [
        (read(results, name, "test", group="halves"), read(results, name, "test", group="halves", noise=size))
        for name in NAMES
        for size in results.settings.half_noise
    ]

    def little(level: float) -> list[Interval]:
        return [difference(clean, noisy, confidence=level).negative().moved(HARMLESS) for clean, noisy in lines]

    measured = ", ".join(f"{100 * (HARMLESS - one.value):.1f}" for one in little(0.95))
    sizes = " and ".join(f"{size:g}" for size in results.settings.half_noise)
    what = f"Table 4: noise of rms {sizes} adds less than {100 * HARMLESS:g} points to the test error"
    return stated(what, little, measured)
