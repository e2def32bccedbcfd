"""A row: a measured number with every field that it needs to be read alone. Plain JSON: so it lies in rows.json."""

from typing import TypedDict


class Row(TypedDict, total=False):
    """What was measured, of which network, on which images, under which attack; a field without a meaning is absent.

    `experiment` is what it was measured for. The network: its `train_set`, its `training` (how), its `architecture`.
    The images: `test_set`, the `split` of it where not its test images, `labels` "next" where (y + 1) mod K was asked
    for; of a derived set the `moment` ("found", "stored", "augmented", "before", "after"). The attack, with None where
    it has no such setting. `n` images, of which `outcomes` says which were predicted as asked (`outcomes`)
    and `images` which these were. `confidence` is the mean probability of the predicted class over the images that were
    predicted wrongly (of a set that was built: of the new label over all), `top_k_accuracy` the share whose label is
    among the `top_k` largest logits. A minimum-norm attack: the `distances` of all images (`outcomes`), infinity where
    it failed; their median `distance`, of two in the middle the lower, None where that is infinite; the
    `mean_distance` over the share of `success`, and the mean `calls`.
    """

    experiment: str
    train_set: str
    training: str
    architecture: str
    test_set: str
    split: str
    labels: str
    moment: str
    attack: str
    norm: str | None
    eps: float | None
    steps: int | None
    step_size: float | None
    restarts: int | None
    loss: str | None
    epoch: int
    seed: int
    n: int
    accuracy: float
    confidence: float | None
    top_k: int
    top_k_accuracy: float
    distances: str
    distance: float | None
    mean_distance: float | None
    success: float
    calls: float
    outcomes: str
    images: str
