"""Classifiers: build one by name, wrap your own, save and load checkpoints."""

from featsplit.models.build import ARCHITECTURES, ModelSpec, build
from featsplit.models.checkpoints import load_model, read_metadata, save_model
from featsplit.models.classifier import Classifier
from featsplit.models.wrapping import wrap

__all__ = ["ARCHITECTURES", "Classifier", "ModelSpec", "build", "load_model", "read_metadata", "save_model", "wrap"]
