"""The rows of the networks of this study."""

from featsplit.rows import Row

UNCLIPPED, NOISE, FREE_NOISE = "fgsm unclipped", "noise", "noise unclipped"
"""Attacks besides "fgsm", which is clipped to [0, 1]: random signs times eps, clipped and not."""


class NetworkRow(Row, total=False):
    """What was measured of the network called `model`, on images of so many pixels a `side`.

    `made_for`: the examples are another network's. `certainty` is the mean probability of the predicted class over all
    images (`confidence` is that over mistakes), and each has a standard error over images. A row with a `measure` has,
    in the place of an accuracy, a mean `value` over n images or filters with its standard `error`. `grid` and `logits`
    are the curve of one image.
    """

    model: str
    side: int
    made_for: str
    certainty: float
    certainty_error: float
    confidence_error: float | None
    measure: str
    value: float
    error: float
    grid: list[float]
    logits: list[list[float]]
