"""What the paper says, checked as `report.decisions` tells: the statements of all experiments."""

CLAIMS = ()
