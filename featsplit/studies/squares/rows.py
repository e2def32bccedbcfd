"""The rows of this study: what survives of the squares, by eps ("grid") and by epoch ("epochs")."""

from featsplit.rows import Row


class SquaresRow(Row, total=False):
    """What an `arm` is worth at an `eps` after an `epoch`; `experiment` is "grid" in the end, or "epochs".

    `train_accuracy` is on the training labels as they are, wrong ones included; `accuracy` on test squares by their
    colour. `eps` is on the scale on which black is -1 and white 1.
    """

    arm: str
    train_accuracy: float
