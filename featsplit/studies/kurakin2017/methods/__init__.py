"""Experiment "methods": what is left of accuracy under three methods, by eps (the paper's section 2, Figure 2)."""
