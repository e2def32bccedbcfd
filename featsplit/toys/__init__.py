"""Constructions whose answer is known: two Gaussians (`gaussians`), squares of one colour (`squares`)."""
