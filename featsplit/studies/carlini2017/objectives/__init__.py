"""The seven objectives in three boxes, and the choice of c (arXiv:1608.04644, Table III and Figure 2)."""
