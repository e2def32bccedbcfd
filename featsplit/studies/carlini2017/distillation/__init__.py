"""Defensive distillation over temperatures, and its fall (arXiv:1511.04508; arXiv:1608.04644, section VIII)."""
