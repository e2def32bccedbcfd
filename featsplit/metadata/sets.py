"""What a derived set says of itself: one record, one reader, one writer. It lies as JSON in the file's attributes."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import h5py

from featsplit.errors import FeatsplitError
from featsplit.files import check_digest, json_digest
from featsplit.metadata.made_by import MadeBy, made_by_from
from featsplit.metadata.plain import Fields, Json, mapping, names, numbers, text, texts, whole

SET_FORMAT, FIRST_FORMAT = "featsplit-derived-2", "featsplit-derived-1"
"""A file of the first format has no digest of its metadata."""
DIGEST = "metadata_digest"
"""This attribute is the digest of all others that we write."""
NOT_TOLD = "not told"
"""The value of what an imported file does not say."""


@dataclass(frozen=True)
class SetSpec:
    """All that decides what a derived set holds: how it was made, of which data, and by which network.

    `method` is "match", "perturb", "mislabelled", "attack" or "import", and `parameters` its settings (JSON of a Match,
    a Perturb ...). `source` says how to open the data again (JSON of a DataSpec; empty for data in memory),
    `source_digest` which they are, and `split` which images were taken. `name` is one of DERIVED_SETS, or another.
    `seed` is None where nothing was random. `columns_format` counts what is measured of each image. `extra` is whatever
    else is there.
    """

    method: str
    source: Fields
    split: str
    parameters: Fields = field(default_factory=dict)
    name: str | None = None
    source_name: str = ""
    source_digest: str = NOT_TOLD
    classes: tuple[str, ...] = ()
    model_digest: str = NOT_TOLD
    control_digest: str | None = None
    ensemble_digests: tuple[str, ...] = ()
    columns_format: int | None = None
    seed: int | str | None = None
    dtype: str = "float32"
    precision: str = "float32"
    versions: Mapping[str, str] = field(default_factory=dict)
    extra: Fields = field(default_factory=dict)

    def plain(self) -> Fields:
        """As the JSON that lies in the file; `set_spec` reads it back."""
        fields: dict[str, Json] = {
            "method": self.method,
            self.method: self.parameters or None,
            "split": self.split,
            "seed": self.seed,
            "dtype": self.dtype,
            "control_digest": self.control_digest,
            "columns": self.columns_format,
            "ensemble_digests": list(self.ensemble_digests) or None,
            "set": self.name,
            **self.extra,
            "source": self.source,
            "source_name": self.source_name,
            "source_digest": self.source_digest,
            "classes": list(self.classes),
            "model_digest": self.model_digest,
            "precision": self.precision,
            "versions": self.versions,
        }
        kept = {"control_digest", *self.extra} if self.method == "perturb" else {*self.extra}  # null: without a control
        return {name: value for name, value in fields.items() if value is not None or name in kept}

    def same_work(self, other: "SetSpec") -> bool:
        """Whether both decide the same file: which data, a digest says, wherever they lie and whatever their name."""
        return work_of(self) == work_of(other)


def work_of(spec: SetSpec) -> Fields:
    """What of `spec` decides the file, as JSON values."""
    placed = {**spec.plain(), spec.method: _parameters_now(spec.parameters)}
    if spec.source_digest == NOT_TOLD:
        return placed
    return {**placed, "source": bool(spec.source), "source_name": ""}


def _parameters_now(parameters: Fields) -> Fields:
    """The `parameters` of a method as they are written now; up to 0.1.0 one record held what all step rules have."""
    rule = parameters.get("rule")
    if not isinstance(rule, Mapping) or not {"name", "step_size", "norm", "momentum", "memory"} <= rule.keys():
        return parameters
    name = "normalised" if rule["name"] == "paper" else str(rule["name"])
    kept = {"normalised": ("norm",), "momentum": ("momentum", "norm"), "lbfgs": ("memory",)}.get(name, tuple(rule))
    now: dict[str, Json] = {"name": name, "step_size": rule["step_size"], **{key: rule[key] for key in kept}}
    if name == "lbfgs":
        now |= {"first_step": "polyak", "box": [0.0, 1.0]}
    return {**parameters, "rule": now}


def set_spec(plain: Fields) -> SetSpec:
    """The SetSpec whose JSON is `plain`; KeyError or TypeError where it is none."""
    method, seed = text(plain["method"]), plain.get("seed")
    control, columns, name = plain.get("control_digest"), plain.get("columns"), plain.get("set")
    known = {"method", method, "source", "split", "set", "source_name", "source_digest", "classes", "model_digest"}
    known |= {"control_digest", "ensemble_digests", "columns", "seed", "dtype", "precision", "versions"}
    return SetSpec(
        method,
        mapping(plain["source"]),
        text(plain["split"]),
        _parameters_now(mapping(plain.get(method, {}))),
        None if name is None else text(name),
        text(plain.get("source_name", "")),
        text(plain.get("source_digest", NOT_TOLD)),
        texts(plain.get("classes", ())),
        text(plain.get("model_digest", NOT_TOLD)),
        None if control is None else text(control),
        texts(plain.get("ensemble_digests", ())),
        None if columns is None else whole(columns),
        seed if seed is None or isinstance(seed, str) else whole(seed),
        text(plain.get("dtype", "float32")),
        text(plain.get("precision", "float32")),
        names(plain.get("versions", {})),
        {name: value for name, value in plain.items() if name not in known},
    )


@dataclass(frozen=True)
class SetMetadata:
    """What a derived file says of itself: its `spec`, the `digests` of its columns and its `summary`, by name.

    `made_by` is what is known of the networks behind it, `columns` the shape and the type of each column. `warnings`
    says what is wrong with it; None in a file that was made before this was looked for.
    """

    spec: SetSpec
    digests: Mapping[str, str]
    summary: Mapping[str, float]
    made_by: MadeBy = field(default_factory=MadeBy)
    warnings: tuple[str, ...] | None = None
    columns: Mapping[str, tuple[tuple[int, ...], str]] = field(default_factory=dict)


@contextmanager
def opened_set(path: Path) -> Iterator[h5py.File]:
    """The HDF5 file at `path`, where it is one of ours; FeatsplitError where it is not, or is damaged."""
    if not path.is_file():
        raise FeatsplitError(f"{path}: no such file; make it with featsplit build-robust or build-nonrobust")
    try:
        with h5py.File(path, "r") as file:
            if file.attrs.get("format") not in (SET_FORMAT, FIRST_FORMAT):
                raise FeatsplitError(f"{path}: is no featsplit data set (an HDF5 file of another program?)")
            yield file
    except (OSError, KeyError, ValueError, TypeError, AttributeError, RuntimeError) as error:  # all that h5py raises
        reason = " ".join(str(error).split())[:80]
        raise FeatsplitError(f"{path}: is damaged or no HDF5 file ({reason}); build it again") from error


def read_set_metadata(path: Path) -> SetMetadata:
    """What the file at `path` says of itself, without reading the images; FeatsplitError where it is no derived set."""
    with opened_set(path) as file:
        for name in ("images", "labels"):
            file[name]
        columns = {name: (file[name].shape, str(file[name].dtype)) for name in file}
        if sum(file[name].nbytes for name in columns) > path.stat().st_size:  # columns are never compressed
            raise ValueError("its columns are larger than the file")
        if DIGEST in file.attrs or file.attrs["format"] != FIRST_FORMAT:
            told = json_digest({name: str(file.attrs[name]) for name in ATTRIBUTES if name in file.attrs})
            check_digest(f"{path}: its metadata", told, str(file.attrs.get(DIGEST)), cure="build it again")
        return SetMetadata(
            set_spec(mapping(_attribute(file, "spec"))),
            names(_attribute(file, "digests")),
            numbers(_attribute(file, "summary")),
            made_by_from(mapping(_attribute(file, "made_by"))) if "made_by" in file.attrs else MadeBy(),
            texts(_attribute(file, "warnings")) if "warnings" in file.attrs else None,
            columns,
        )


ATTRIBUTES = ("spec", "digests", "summary", "made_by", "warnings")
"""The attributes of a file that say what it is, each as JSON."""


def write_set_metadata(file: h5py.File, metadata: SetMetadata) -> None:
    """Write `metadata` to the attributes of `file`, which is open for writing; its columns say themselves."""
    attributes: dict[str, Json] = {
        "spec": metadata.spec.plain(),
        "digests": metadata.digests,
        "summary": metadata.summary,
        "made_by": metadata.made_by.plain(),
        "warnings": None if metadata.warnings is None else list(metadata.warnings),
    }
    texts_of = {name: json.dumps(attributes[name]) for name in ATTRIBUTES if attributes[name] is not None}
    for name, value in texts_of.items():
        file.attrs[name] = value
    file.attrs[DIGEST] = json_digest(texts_of)
    file.attrs["format"] = SET_FORMAT


def _attribute(file: h5py.File, name: str) -> Json:
    value: Json = json.loads(file.attrs[name])
    return value
