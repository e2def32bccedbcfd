"""Six networks, the distortions that fool them, and what each makes of those of the others (Tables 1 and 2)."""
