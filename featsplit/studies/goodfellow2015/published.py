"""The paper's numbers."""

from featsplit.report.published import Published
from featsplit.rows import Row
from featsplit.studies.goodfellow2015.logistic.published import PUBLISHED as OF_LOGISTIC
from featsplit.studies.goodfellow2015.rows import UNCLIPPED, NetworkRow
from featsplit.studies.goodfellow2015.settings import Settings

ELSEWHERE = (
    "Errors, and shares. The paper trains maxout networks of 240 units in a layer on all of MNIST at 28 x 28, with "
    "dropout in every layer and until validation images say stop. Bands: a fifth of the number to either side, but "
    "for errors above 80 at least 80. Its convolutional maxout network on CIFAR-10 is of pixels that were centred "
    "and scaled, so its eps is no eps of pixels in [0, 1]; its 1600 units are of days of training; its ensemble has "
    "twelve networks. What the paper gives in brackets, the mean confidence on mistakes, is: softmax 79.3, maxout "
    "97.6, convolutional maxout 96.6, after adversarial training 81.4, signs 97.3, uniform 97.8, RBF 1.2 (60.6 "
    "clean), rubbish 92.8, 87.9 and 70.8; ours stand in brackets in the tables above."
)


def _rows(model: str, attack: str = UNCLIPPED, *, experiment: str = "networks", made_for: str | None = None) -> Row:
    fields: NetworkRow = {"model": model, "attack": attack, "test_set": "source", "experiment": experiment}
    if made_for:
        fields["made_for"] = made_for
    return fields


def _number(table: str, what: str, value: float, rows: Row, *, rate: bool = True) -> Published:
    low, high = (0.8, 1.0) if value > 0.8 else (0.8 * value, 1.2 * value)
    return Published(table, what, value, low, high, rows, rate=rate)


def _at(eps: float, rows: Row) -> Row:
    return {**rows, "eps": eps}


EPS = 0.25
_NONE: Row = {"experiment": "not measured"}
DEEP = [
    _number("sec. 4", "softmax, fast, eps .25", 0.999, _at(EPS, _rows("softmax"))),
    _number("sec. 4", "maxout, fast, eps .25", 0.894, _at(EPS, _rows("maxout"))),
    _number("sec. 4", "convolutional maxout, CIFAR-10, fast, eps .1", 0.8715, _NONE),
    _number("sec. 6", "maxout, clean", 0.0094, _rows("maxout", "none")),
    _number("sec. 6", "adversarially trained, clean", 0.0084, _rows("maxout adversarial", "none")),
    _number("sec. 6", "the same with 1600 units, clean, mean of five", 0.00782, _NONE),
    _number("sec. 6", "adversarially trained, fast", 0.179, _at(EPS, _rows("maxout adversarial"))),
    _number(
        "sec. 6", "the plain one's examples", 0.196, _at(EPS, _rows("maxout adversarial", experiment="adversarial"))
    ),
    _number("sec. 6", "its examples on the plain one", 0.409, _at(EPS, _rows("maxout", experiment="adversarial"))),
    _number("sec. 6", "trained on signs, fast", 0.862, _at(EPS, _rows("maxout signs"))),
    _number("sec. 6", "trained on uniform noise, fast", 0.904, _at(EPS, _rows("maxout uniform"))),
    _number("sec. 7", "RBF, fast", 0.554, _at(EPS, _rows("rbf"))),
    _number(
        "sec. 9",
        "ensemble, made for it",
        0.911,
        _at(EPS, _rows("ensemble", experiment="alternatives", made_for="ensemble")),
    ),
    _number(
        "sec. 9",
        "ensemble, made for one",
        0.879,
        _at(EPS, _rows("ensemble", experiment="alternatives", made_for="maxout")),
    ),
    _number("app.", "rubbish, maxout with softmax", 0.9835, _rows("maxout", "rubbish")),
    _number("app.", "rubbish, maxout with sigmoids", 0.68, _rows("maxout sigmoids", "rubbish")),
    _number("app.", "rubbish, softmax", 0.598, _rows("softmax", "rubbish")),
    _number("app.", "rubbish, RBF", 0.0, _rows("rbf", "rubbish"))._replace(high=0.01),
    _number(
        "sec. 8",
        "softmax as maxout",
        0.546,
        _rows("softmax", experiment="agreement of its", made_for="maxout"),
        rate=False,
    ),
    _number(
        "sec. 8", "RBF as maxout", 0.16, _rows("rbf", experiment="agreement of its", made_for="maxout"), rate=False
    ),
    _number(
        "sec. 8",
        "softmax as maxout, both wrong",
        0.846,
        _rows("softmax", experiment="agreement of both", made_for="maxout"),
        rate=False,
    ),
    _number(
        "sec. 8",
        "RBF as maxout, both wrong",
        0.543,
        _rows("rbf", experiment="agreement of both", made_for="maxout"),
        rate=False,
    ),
    _number(
        "sec. 8",
        "RBF as softmax, both wrong",
        0.536,
        _rows("rbf", experiment="agreement of both", made_for="softmax"),
        rate=False,
    ),
    _number("sec. 7", "multi-prediction deep Boltzmann machine, fast", 0.975, _NONE),
]
"""The numbers of the networks, in the order of the paper."""
PUBLISHED = [*OF_LOGISTIC, *DEEP]


def deep_differences(settings: Settings) -> list[str]:
    """In what the run is not of the paper's kind, each in a few words."""
    data, found = settings.data, list[str]()
    if data.source != "mnist":
        found.append(f"other data ({data.source})")
    if data.resize not in (None, 28):
        found.append(f"other size ({data.resize} x {data.resize})")
    if data.limit is not None or data.holdout:
        found.append("fewer images")
    if settings.width != 240:
        found.append(f"{settings.width} units in a layer, not 240")
    if settings.eps != EPS:
        found.append(f"eps {settings.eps:g}")
    return found
