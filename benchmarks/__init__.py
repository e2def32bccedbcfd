"""What the README claims, measured: `python -m benchmarks NAME` or `--all`; results/ holds what was seen."""
