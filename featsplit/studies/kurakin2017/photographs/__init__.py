"""Experiment "photographs": what printing and photographing destroys, simulated or the reader's own (section 3)."""
