"""The paper's numbers of all experiments, and where they can be compared."""

from featsplit.studies.szegedy2014.halves.published import DISTORTIONS as OF_HALVES
from featsplit.studies.szegedy2014.halves.published import PUBLISHED as HALVES
from featsplit.studies.szegedy2014.models.published import DISTORTIONS as OF_MODELS
from featsplit.studies.szegedy2014.models.published import PUBLISHED as MODELS
from featsplit.studies.szegedy2014.settings import Settings

BANDS = (
    "Errors in percent. The paper prints the weights of its decay and not what they multiply, nor how the images were "
    "chosen; here they are those that all networks of a table predict rightly. So the bands are wide: 2 points to "
    "either side for the errors of Tables 1 and 3 and with noise beside Table 4, 10 points for images made for another "
    "network and for the noise beside Table 2, .02 for a distortion. Of Table 2 three columns were checked against a "
    "second source, and are here."
)
PUBLISHED = [*MODELS, *HALVES]
DISTORTIONS = [*OF_MODELS, *OF_HALVES]


def differences(settings: Settings) -> list[str]:
    """In what the run is not of the paper's kind, each in a few words."""
    data, found = settings.data, list[str]()
    if data.source != "mnist":
        found.append(f"other data ({data.source})")
    if data.resize not in (None, 28):
        found.append(f"other size ({data.resize} x {data.resize})")
    if data.classes is not None:
        found.append("other classes")
    if data.limit is not None or data.limit_test is not None or data.holdout:
        found.append("fewer images")
    return found
