"""The squares are what they say; a linear model is robust on them, and training stops when the labels are fitted."""

import pytest
import torch

from featsplit.errors import FeatsplitError
from featsplit.metadata.plain import Fields
from featsplit.studies.squares.learning import SCALE, learn, recipe, squares_data
from featsplit.studies.squares.rows import SquaresRow
from featsplit.studies.squares.settings import ARMS, Settings

SMALL = Settings(size=8, train=300, test=100, epochs=3, eps=(0.01, 0.8))


def arm_rows(arm: str, settings: Settings) -> list[SquaresRow]:
    """The rows of an arm, of seed 0."""
    return learn(ARMS[arm](settings), arm, seed=0)


def test_squares_have_their_colour_their_noise_and_their_wrong_labels() -> None:
    data = squares_data(Settings(train=4000), seed=0)
    sizes = (data.train.images - 0.5) * SCALE
    colour = sizes.mean(dim=(1, 2, 3)).sign()
    told = 2.0 * data.train.labels - 1
    assert float((colour != told).float().mean()) == pytest.approx(0.1, abs=0.02)
    noise = sizes - colour[:, None, None, None]
    assert float(noise.abs().max()) <= 0.1 + 1e-5
    assert float(noise.std()) == pytest.approx(0.1 / 3**0.5, rel=0.02)
    assert float(data.train.labels.float().mean()) == pytest.approx(0.5, abs=0.03)


def test_test_squares_are_labelled_by_their_colour() -> None:
    test = squares_data(SMALL, seed=1).test
    assert torch.equal((test.images.mean(dim=(1, 2, 3)) > 0.5).long(), test.labels)


def test_the_same_seed_gives_the_same_squares() -> None:
    assert squares_data(SMALL, seed=1).digest == squares_data(SMALL, seed=1).digest
    assert squares_data(SMALL, seed=1).digest != squares_data(SMALL, seed=2).digest


def test_a_linear_model_is_robust_up_to_a_large_eps() -> None:
    rows = arm_rows("linear", SMALL)
    grid = {row["eps"]: row["accuracy"] for row in rows if row["experiment"] == "grid"}
    assert grid == {0.0: 1.0, 0.01: 1.0, 0.8: 1.0}
    assert {row["epoch"] for row in rows if row["experiment"] == "grid"} == {3}


@pytest.mark.parametrize(("arm", "epochs"), [("deep", [1, 2, 3]), ("linear", [1])])
def test_the_deep_network_is_looked_at_after_every_epoch(arm: str, epochs: list[int]) -> None:
    rows = [row for row in arm_rows(arm, SMALL) if row["experiment"] == "epochs"]
    assert [row["epoch"] for row in rows if row["eps"] == 0] == epochs
    assert [row["epoch"] for row in rows if row["eps"] == 0.01] == epochs


def test_training_stops_when_the_labels_are_fitted() -> None:
    rows = arm_rows("no wrong labels", SMALL)
    last = rows[-1]
    assert last["train_accuracy"] == 1
    assert last["epoch"] < 3


def test_eps_is_on_the_scale_of_the_colours() -> None:
    """Moved by more than the distance to grey every square is misread, by less none."""
    settings = Settings(size=8, train=300, test=100, epochs=10, noise=0.0, eps=(0.7, 0.9))
    grid = {row["eps"]: row["accuracy"] for row in arm_rows("linear", settings) if row["experiment"] == "grid"}
    assert grid[0.7] == 1
    shifted = squares_data(settings, seed=0).test.images - 0.5
    assert float(shifted.abs().max()) * SCALE == pytest.approx(1)


def test_every_arm_changes_what_it_says() -> None:
    arms = {name: ARMS[name](SMALL) for name in ARMS}
    assert arms["deep"] == SMALL
    assert arms["no wrong labels"].flipped == 0
    assert arms["no pixel noise"].noise == 0
    assert (arms["half the images"].train, arms["twice the images"].train) == (150, 600)
    assert arms["stopped early"].epochs == 1
    assert recipe(arms["weight decay"]).weight_decay > 0
    adversary = recipe(arms["adversarial training"]).adversary
    assert adversary is not None
    assert adversary.eps == pytest.approx(arms["adversarial training"].adversary / SCALE)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"noise": 0.5}, "noise = 0.5: must be in [0, 0.1]"),
        ({"flipped": 0.5}, "flipped = 0.5"),
        ({"eps": (1.5,)}, "eps = [1.5]: must be above 0 and at most 0.9"),
        ({"train": 0}, "train = 0"),
        ({"eps": (0.1,)}, "eps = [0.1]: must have 0.01 among them"),
        ({"adversary": 1.0}, "adversary = 1: must be from 0, for none, to 0.9"),
        ({"arms": ("mpl",)}, 'did you mean "mlp"'),
    ],
)
def test_what_cannot_be_set(changes: Fields, message: str) -> None:
    with pytest.raises(FeatsplitError) as error:
        Settings.read(changes)
    assert message in str(error.value)
