"""What of a set's metadata is told to others: all of it, but for the folders of whoever made it."""

import re
from dataclasses import replace

from featsplit.data.places import PATHS, is_derived
from featsplit.metadata.made_by import MadeBy, ModelCard
from featsplit.metadata.plain import Fields, Json, as_json
from featsplit.metadata.sets import SetMetadata


def public_source(source: str) -> str:
    """`source` without the folders that it lies in: "folder:photos" for "folder:/home/me/photos"."""
    if source.startswith(PATHS):
        kind, _, path = source.partition(":")
        return f"{kind}:{_last(path)}"
    return _last(source) if is_derived(source) else source


def public_made_by(made_by: MadeBy) -> MadeBy:
    """The networks, each by the name of its file alone."""
    return replace(made_by, model=_card(made_by.model), control=_card(made_by.control))


def public_spec(metadata: SetMetadata) -> Fields:
    """All that decides the set, as JSON values."""
    spec = metadata.spec
    source: Fields = {
        name: public_source(value) if name == "source" and isinstance(value, str) else value
        for name, value in spec.source.items()
    }
    return replace(spec, source=source, source_name=public_source(spec.source_name)).plain()


def public_metadata(metadata: SetMetadata) -> Fields:
    """What the file says of itself, as JSON values."""
    told: dict[str, Json] = {
        "spec": public_spec(metadata),
        "digests": metadata.digests,
        "summary": metadata.summary,
        "made_by": public_made_by(metadata.made_by).plain(),
        "warnings": None if metadata.warnings is None else list(metadata.warnings),
    }
    return as_json(told)


def _card(card: ModelCard | None) -> ModelCard | None:
    if card is None:
        return None
    architecture = re.sub(r"^\S*[\\/]", "", card.architecture)  # the user's own code: FILE.py:function
    return replace(card, file=_last(card.file), architecture=architecture)


def _last(path: str) -> str:
    """The name at the end of a path of any system."""
    return re.split(r"[\\/]", path.rstrip("\\/"))[-1]
