"""Transfer of sets: what each derived set teaches each architecture (arXiv:1905.02175, section 3.2 and Figure 3).

Each architecture is trained on each set, and tested on the original test set and on every set made of a test split.
"""

from featsplit.studies.set_transfer.jobs import jobs
from featsplit.studies.set_transfer.page import page
from featsplit.studies.set_transfer.settings import Settings

CLAIMS = ()
PUBLISHED = ()

__all__ = ["CLAIMS", "PUBLISHED", "Settings", "jobs", "page"]
