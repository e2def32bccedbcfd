"""Best, average and worst case of every attack (arXiv:1608.04644, Tables I, II, IV and VI)."""
