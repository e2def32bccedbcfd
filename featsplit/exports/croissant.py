"""Croissant 1.1 (mlcommons.org/croissant/1.1): what an export is and holds, as JSON-LD that programs read.

Where there is a metadata.csv its columns are records, joined with the images where these are PNG files; elsewhere the
files are listed, with their digests, and no program is told how to read them. The enumeration `classes` has the names.
"""

import hashlib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from featsplit import __version__
from featsplit.exports.facts import CITATION, COLUMNS, Facts
from featsplit.exports.places import MARK
from featsplit.exports.table import FILE_NAME
from featsplit.exports.written import PNG, File, Images, table_of
from featsplit.files import json_digest
from featsplit.metadata.plain import Fields, Json
from featsplit.metadata.sets import NOT_TOLD

CONFORMS_TO = "http://mlcommons.org/croissant/1.1"
TERMS = (
    *("annotation", "arrayShape", "citeAs", "column", "containedIn", "equivalentProperty", "excludes", "extract"),
    *("field", "fileObject", "fileProperty", "fileSet", "format", "includes", "isArray", "isLiveDataset", "jsonPath"),
    *("key", "md5", "parentField", "path", "readLines", "recordSet", "references", "regex", "repeated", "replace"),
    *("samplingRate", "sdVersion", "separator", "source", "subField", "transform", "unArchive", "value"),
)
"""The words of Croissant's own, as its context has them."""
CONTEXT: Fields = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "sc": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "dct": "http://purl.org/dc/terms/",
    "prov": "http://www.w3.org/ns/prov#",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    **{term: f"cr:{term}" for term in TERMS},
}
TYPES = {"bool": "sc:Boolean", "float32": "sc:Float", "float64": "sc:Float", "float16": "sc:Float"}
"""By numpy's names; all others are integers."""
RECORDS, IMAGES = "records", "images"


def croissant(facts: Facts, places: Mapping[str, Path]) -> Fields:
    """The JSON-LD of an export; `places` says where each of its files lies now, by the path that it will have."""
    written, licence = facts.written, facts.licence
    return {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": CONFORMS_TO,
        "name": facts.name,
        "description": facts.description,
        "license": licence.link or str(licence),
        "url": f"urn:sha256:{json_digest(dict(facts.stored.metadata.digests))}",
        "creator": {"@type": "sc:Organization", "name": facts.creator or f"not told (made with {MARK} {__version__})"},
        "datePublished": datetime.now(UTC).date().isoformat(),
        "version": "1.0.0",
        "keywords": [MARK, *facts.tags],
        "citeAs": CITATION,
        **_provenance(facts),
        "distribution": [*(_file(file, places[file.path]) for file in written.files), *_file_set(written.images)],
        "recordSet": [_classes(facts), *_records(facts)],
    }


def _provenance(facts: Facts) -> Fields:
    """Of what, how and by what it was made, in the words of PROV-O."""
    spec = facts.stored.metadata.spec
    return {
        "prov:wasDerivedFrom": {
            "@type": "prov:Entity",
            **({} if spec.source_digest == NOT_TOLD else {"@id": f"urn:sha256:{spec.source_digest}"}),
            "prov:label": facts.source,
        },
        "prov:wasGeneratedBy": {
            "@type": "prov:Activity",
            "prov:label": facts.method,
            "prov:wasAssociatedWith": {
                "@type": "prov:SoftwareAgent",
                "prov:label": f"{MARK} {spec.versions.get(MARK, __version__)}",
            },
        },
    }


def _file(file: File, path: Path) -> Fields:
    with path.open("rb") as opened:
        digest = hashlib.file_digest(opened, "sha256").hexdigest()
    return {
        "@type": "cr:FileObject",
        "@id": file.path,
        "name": file.path,
        "contentUrl": file.path,
        "contentSize": f"{path.stat().st_size} B",
        "encodingFormat": file.encoding,
        "sha256": digest,
    }


def _file_set(images: Images | None) -> Iterator[Fields]:
    if images is not None:
        inside: Fields = {"containedIn": [{"@id": path} for path in images.inside]} if images.inside else {}
        yield {
            "@type": "cr:FileSet",
            "@id": IMAGES,
            "name": IMAGES,
            "encodingFormat": PNG,
            "includes": images.pattern,
            **inside,
        }


def _classes(facts: Facts) -> Fields:
    """The names of the classes, by their labels."""
    names: Json = [{"classes/label": label, "classes/name": name} for label, name in enumerate(facts.stored.classes)]
    return {
        "@type": "cr:RecordSet",
        "@id": "classes",
        "name": "classes",
        "dataType": "sc:Enumeration",
        "key": {"@id": "classes/label"},
        "field": [
            {"@type": "cr:Field", "@id": "classes/label", "name": "label", "dataType": "sc:Integer"},
            {"@type": "cr:Field", "@id": "classes/name", "name": "name", "dataType": "sc:Text"},
        ],
        "data": names,
    }


def _records(facts: Facts) -> Iterator[Fields]:
    """A record for each line of metadata.csv, with its image where that is a file."""
    written, columns = facts.written, facts.stored.metadata.columns
    if written.key is None:
        return
    table = table_of(written.files)
    fields: list[Fields] = [_key(written.key, table, written.images)]
    if written.images is not None:
        fields.append(_field("image", "sc:ImageObject", _from_files("content")))
    for name in facts.stored.others:
        kind = TYPES.get(columns[name][1], "sc:Integer")
        fields.append(_field(name, [kind, "cr:Label"] if name == "labels" else kind, _from_table(table, name)))
    yield {
        "@type": "cr:RecordSet",
        "@id": RECORDS,
        "name": RECORDS,
        "key": {"@id": f"{RECORDS}/{written.key}"},
        "field": fields,
    }


def _key(name: str, table: str, images: Images | None) -> Fields:
    """The first column of metadata.csv; where images are files it says which belongs to each line."""
    column = _from_table(table, name)
    if images is None:
        return _field(name, "sc:Text" if name == FILE_NAME else "sc:Integer", column)
    source = _from_files("filename")
    if images.path is not None:
        source = {**_from_files("fullpath"), "transform": {"regex": images.path}}
    return {**_field(name, "sc:Text", source), "references": column}


def _field(name: str, kind: Json, source: Fields) -> Fields:
    described = {"description": COLUMNS[name]} if name in COLUMNS else {}
    field: Fields = {"@type": "cr:Field", "@id": f"{RECORDS}/{name}", "name": name, "dataType": kind, "source": source}
    return {**field, **described}


def _from_files(what: str) -> Fields:
    return {"fileSet": {"@id": IMAGES}, "extract": {"fileProperty": what}}


def _from_table(table: str, column: str) -> Fields:
    return {"fileObject": {"@id": table}, "extract": {"column": column}}
