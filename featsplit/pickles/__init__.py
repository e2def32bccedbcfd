"""A file of torch.save as a tree of names and values: nothing that the file names is imported or called.

A pickle is a program: one instruction names a function, another calls it. Here every name, whatever it is, becomes
inert: it keeps what it is called with, and the program runs to its end and has done nothing. Tensors are then
read off the tree, each from its own bytes in the file, once it is known that the tree below holds nothing else.
"""

from featsplit.pickles.files import MAGIC, TorchFile, opened
from featsplit.pickles.inert import Inert, foreign_name, kind_of, plain_tensor, weights

__all__ = ["MAGIC", "Inert", "TorchFile", "foreign_name", "kind_of", "opened", "plain_tensor", "weights"]
