"""The experiment "linear": why linear models are fooled, by the size of the images; and how linear a deep one is."""
