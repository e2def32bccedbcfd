"""The paper's numbers of all experiments."""

PUBLISHED = ()
