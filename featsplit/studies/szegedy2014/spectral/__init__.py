"""The spectral norm of each layer, their product, and what it guarantees (section 4.3, Table 5)."""
