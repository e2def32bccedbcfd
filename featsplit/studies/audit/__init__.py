"""The audit of given networks: how useful and how robust their units are (arXiv:1905.02175, section 2), layer by layer.

`featsplit audit` is this study; a run of distill2019 audits its own networks by the same measures.
"""

from featsplit.studies.audit.jobs import jobs
from featsplit.studies.audit.page import page
from featsplit.studies.audit.settings import Settings

CLAIMS = ()
PUBLISHED = ()

__all__ = ["CLAIMS", "PUBLISHED", "Settings", "jobs", "page"]
