"""What a derived set is, in a line: by its name, its method and the network behind it."""

from featsplit.metadata.derived_sets import DERIVED_SETS
from featsplit.metadata.made_by import set_title
from featsplit.metadata.sets import SetMetadata


def title_of(metadata: SetMetadata) -> str:
    """What the set of this `metadata` is; an imported one is what whoever imported it says."""
    name, method = metadata.spec.name, metadata.spec.method
    if method == "import" and name in DERIVED_SETS:
        return DERIVED_SETS[name].title
    if method == "attack":
        attack, norm, targets = (str(metadata.spec.parameters.get(key)) for key in ("name", "norm", "targets"))
        towards = "untargeted" if targets == "untargeted" else f"targets: {targets}"
        return f"adversarial images: the nearest in {norm} that {attack} finds, {towards}"
    return set_title(name, metadata.made_by, otherwise=f"made by {method}")
