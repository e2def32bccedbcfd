"""The experiment "alternatives": RBF units, ensembles, rubbish, and what other networks say (sections 7 to 10)."""
