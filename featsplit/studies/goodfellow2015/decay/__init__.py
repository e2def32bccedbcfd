"""The experiment "decay": adversarial training beside weight decay (section 5)."""
