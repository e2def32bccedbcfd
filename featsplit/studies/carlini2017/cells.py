"""How a mean distance, with the share of images that it is of, is written in a cell."""

import math

from featsplit.studies.carlini2017.statements import Line, mean_distance, success


def number(value: float) -> str:
    """With three digits, as distances in all norms are."""
    return f"{value:.3g}" if value < 100 else f"{value:.0f}"


def distance_cell(line: Line, *, reach: bool = False) -> str:
    """The mean distance, with how far its interval reaches if `reach`; in brackets the share, where not all."""
    if not line:
        return ""
    share, far = success(line).value, mean_distance(line)
    if far is None:
        return "- (0 %)"
    ends = f" ±{number(max(far.high - far.value, far.value - far.low))}" if reach and math.isfinite(far.high) else ""
    return f"{number(far.value)}{ends}" + ("" if share == 1 else f" ({100 * share:.0f} %)")
