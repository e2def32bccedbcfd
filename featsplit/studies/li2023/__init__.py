"""Whether features are useful to learners of another kind (Li et al. 2023, arXiv:2310.18936).

D_R and D_rand are made through several encoders: a standard network, an adversarially trained one, one that learned
without labels (SimCLR), and whatever encoders the user gives. Of each set two fresh networks learn: one by its labels,
and one without them, with a linear head on top. The source's statement: non-robust features are useful to supervised
networks and hardly to others, so they are no features in the sense that robust ones are.
"""

from featsplit.studies.li2023.claims import claims
from featsplit.studies.li2023.jobs import jobs
from featsplit.studies.li2023.page import page
from featsplit.studies.li2023.settings import Settings

CLAIMS = (claims,)
PUBLISHED = ()

__all__ = ["CLAIMS", "PUBLISHED", "Settings", "jobs", "page"]
