"""The rows of this study."""

from featsplit.rows import Row


class CarliniRow(Row, total=False):
    """What was measured of the network `training`; `experiment` is what for.

    Of a search for the nearest images, `accuracy` is the share for which none was found. `case`: "best", "average" and
    "worst" of the K - 1 targets, one drawn at random being the average, and "untargeted". `objective` and `box` are
    those of the objectives, with the `constant` c where it is fixed and the `least` that wins of each image, infinity
    where none does; `straight` are the correlations of the target's logit with the place on the way to the adversarial
    image, `slope_at_start` and `slope_at_end` the median lengths of the gradient of its probability there. A row of a
    network at its `temperature` has the mean `logits`, summed without sign, with their `logits_spread` over images, the
    shares of images whose gradient of the cross-entropy is exactly 0 as torch computes it (`vanished`) and as the
    attacks do (`vanished_stably`), and the median `margin`. Of transfer, `accuracy` is the share of the examples of
    confidence `kappa` that the network `to` predicts as was asked.
    """

    case: str
    objective: str
    box: str
    constant: float
    least: str
    straight: str
    slope_at_start: float
    slope_at_end: float
    temperature: float
    logits: float
    logits_spread: float
    vanished: float
    vanished_stably: float
    margin: float
    kappa: float
    to: str
