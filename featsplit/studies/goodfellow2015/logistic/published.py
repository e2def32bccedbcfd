"""The paper's two numbers of 3 against 7 (section 4, Figure 2), and where they can be compared."""

from featsplit.report.published import Published
from featsplit.rows import Row
from featsplit.studies.goodfellow2015.logistic.jobs import WORST
from featsplit.studies.goodfellow2015.settings import Settings

BANDS = (
    "Errors. The paper does not say how its model was regularised or how many images were tested (MNIST has 2038 of "
    "the two classes: 1.6 % of them is 33, with a 95 % interval of 1.1 to 2.2 %), nor whether pixels were clipped; "
    "here they are not. Bands: half of the number to either side for 1.6, and 97 to 100 for 99."
)
_PLAIN: Row = {"experiment": "logistic", "training": "plain", "test_set": "source"}
PUBLISHED = [
    Published("Fig. 2", "3 against 7, clean", 0.016, 0.008, 0.024, {**_PLAIN, "attack": "none"}, rate=True),
    Published(
        "Fig. 2", "fast gradient sign, eps 0.25", 0.99, 0.97, 1.0, {**_PLAIN, "attack": WORST, "eps": 0.25}, rate=True
    ),
]


def differences(settings: Settings) -> list[str]:
    """In what the run is not of the paper's kind, each in a few words."""
    data, own, found = settings.data, settings.logistic, list[str]()
    if data.source != "mnist":
        found.append(f"other data ({data.source})")
    if own.classes not in (("3 - three", "7 - seven"), ("3", "7")):
        found.append("other classes")
    if own.resize not in (None, 28):
        found.append(f"other size ({own.resize} x {own.resize})")
    if own.limit is not None or data.holdout:
        found.append("fewer images")
    return found
