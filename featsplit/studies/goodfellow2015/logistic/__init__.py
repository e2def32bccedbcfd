"""The experiment "logistic": two classes, where the fast method and training against it are exact (section 5)."""
