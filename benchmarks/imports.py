"""Which module imports which, and whether that runs downward."""

import ast
from collections.abc import Iterator
from pathlib import Path

from benchmarks.syntax import Count, Tree

STAGES = ("training", "synthesis", "evaluation")
PARTS = ("descent", "attacks", "data", "models", "runtime")
MAY_IMPORT = {
    "descent": (),
    "attacks": ("descent",),
    "data": (),
    "exports": ("data",),
    "models": ("data",),
    "runtime": ("data", "models"),
    **dict.fromkeys(STAGES, PARTS),
    "report": (*PARTS, *STAGES),
    "engine": (*PARTS, *STAGES, "report"),
    "studies": (*PARTS, *STAGES, "report", "engine"),
    "commands": (*PARTS, *STAGES, "exports", "report", "engine", "studies"),
}
"""What each package may import beside itself and the ground, which is all that has no line here."""
STUDIES_THAT_BUILD = {
    *(("distill2019", "ilyas2019"), ("planted", "ilyas2019"), ("li2023", "ilyas2019"), ("audit", "distill2019")),
}
"""No study imports another, but for these."""

SHARED_BY_STUDIES = ("by_epoch", "given", "carry_out", "running", "sweeping")
"""Modules beside the studies, which are none."""


def imports(tree: Tree) -> list[Count]:
    """Imports, those within functions too, that do not run downward, and circles of modules."""
    edges = {name: set(_imported(tree, path)) - {name} for name, path in tree.modules.items() if name != "featsplit"}
    upward = tuple(
        f"{name} imports {other}"
        for name, others in edges.items()
        for other in sorted(others)
        if not _may(tree, name, other)
    )
    circles = tuple(" <-> ".join(sorted(circle)) for circle in _circles(edges))
    return [Count("imports that run upward", len(upward), 0, upward), Count("circles", len(circles), 0, circles)]


def _imported(tree: Tree, path: Path) -> Iterator[str]:
    """The package's modules that a file imports: `from a import b` is the module a.b, where there is one, else a."""
    for node in ast.walk(tree.package[path]):
        if isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            for alias in node.names:
                longer = f"{node.module}.{alias.name}"
                yield from [name for name in (longer, node.module) if name in tree.modules][:1]
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in tree.modules)


def _may(tree: Tree, name: str, other: str) -> bool:
    own, its = _part(tree, name), _part(tree, other)
    if own == "top":
        return True
    if (study := _study(name)) and _study(other) not in ("", study):
        return (study, _study(other)) in STUDIES_THAT_BUILD
    return its in (own, "ground") or its in MAY_IMPORT.get(own, ())


def _part(tree: Tree, name: str) -> str:
    """The package that a module belongs to; `top` is what starts the program, what has no line is the ground."""
    if name in ("cli", "featsplit.__main__"):
        return "top"
    first = [*name.split("."), ""][1]
    part = tree.renamed.get(first, first)
    return part if part in MAY_IMPORT else "ground"


def _study(name: str) -> str:
    """The study that a module belongs to; empty where it is of none."""
    found = [*name.split("."), "", ""][2] if name.startswith("featsplit.studies.") else ""
    return "" if found in SHARED_BY_STUDIES else found


def _circles(edges: dict[str, set[str]]) -> list[set[str]]:
    """The sets of more than one module each of which is reached from each other one."""
    reached = {name: _reached(name, edges) for name in edges}
    circles = {frozenset(other for other in reached[name] if name in reached.get(other, ())) for name in edges}
    return [set(circle) for circle in circles if len(circle) > 1]


def _reached(name: str, edges: dict[str, set[str]]) -> set[str]:
    found, ahead = set[str](), [name]
    while ahead:
        new = edges.get(ahead.pop(), set()) - found
        found |= new
        ahead += new
    return found
