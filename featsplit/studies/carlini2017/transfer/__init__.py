"""Transfer of examples of high confidence (arXiv:1608.04644, section VIII.D, Figures 9 and 10)."""
