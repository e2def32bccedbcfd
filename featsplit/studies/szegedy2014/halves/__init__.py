"""Networks of two disjoint halves of the training set, and each other's distorted images (Tables 3 and 4)."""
