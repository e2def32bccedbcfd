"""Experiment "transformations": what brightness, contrast, blur, noise and JPEG destroy (the paper's section 5)."""
