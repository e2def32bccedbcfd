"""Experiment "storage": 8 bits, a resized image, another network and a gate; and minimum-norm images, repaired."""
