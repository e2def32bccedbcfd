"""The experiment "adversarial": adversarial training of a maxout network, and its controls of noise (section 6)."""
