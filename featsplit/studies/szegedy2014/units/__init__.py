"""Whether single units tell more than random directions of the same layer (section 3, Figures 1 to 4)."""
