"""A checkout's Python files as syntax trees, and what is counted in them."""

import ast
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple


class Count(NamedTuple):
    """What was counted, the most that it may be (or None), and where it was met."""

    what: str
    measured: float
    most: float | None = None
    where: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether it is within its limit."""
        return self.most is None or self.measured <= self.most


class Tree(NamedTuple):
    """The files of a checkout and their syntax, by path from its root; `renamed` are its packages of other names."""

    root: Path
    package: dict[Path, ast.Module]
    around: dict[Path, ast.Module]
    renamed: dict[str, str]

    @property
    def modules(self) -> dict[str, Path]:
        """The package's files by the name that they are imported by."""
        return {".".join(path.with_suffix("").parts).removesuffix(".__init__"): path for path in self.package}


def tree_of(root: Path, renamed: dict[str, str]) -> Tree:
    """The package with cli.py, and what stands around it: tests and benchmarks."""

    def parsed(paths: Iterable[Path]) -> dict[Path, ast.Module]:
        return {path.relative_to(root): ast.parse(path.read_text()) for path in sorted(paths)}

    package = parsed([root / "cli.py", *(root / "featsplit").rglob("*.py")])
    around = parsed(path for folder in ("tests", "benchmarks", "examples") for path in (root / folder).rglob("*.py"))
    return Tree(root, package, around, renamed)
