"""Table 5 of the paper: the bound of each layer of AlexNet."""

ALEXNET = (
    ("conv1, 3 x 11 x 11 x 96, stride 4", 2.75),
    ("conv2, 96 x 5 x 5 x 256", 10.0),
    ("conv3, 256 x 3 x 3 x 384", 7.0),
    ("conv4, 384 x 3 x 3 x 384", 7.5),
    ("conv5, 384 x 3 x 3 x 256", 11.0),
    ("fc1, 9216 x 4096", 3.12),
    ("fc2, 4096 x 4096", 4.0),
    ("fc3, 4096 x 1000", 4.0),
)
"""Each layer with its bound; their product is 7.9e5."""
