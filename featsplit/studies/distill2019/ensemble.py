"""The networks that `bugs` leave as they were (Nakkiran 2019): trained as the one that they fool, from other weights.

By `featsplit build-nonrobust --method bugs` and in a run alike.
"""

from dataclasses import replace

from featsplit.studies.ilyas2019.networks import Network


def ensemble_of(standard: Network, size: int) -> list[Network]:
    """As many networks like `standard`, each with a name, and so with a stream of randomness, of its own."""
    return [replace(standard, name=f"standard@{number}", experiment="bugs") for number in range(1, size + 1)]
