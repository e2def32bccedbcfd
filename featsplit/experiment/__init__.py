"""A run as plain data, and the stages that it composes: train, build the derived sets, retrain, evaluate."""
