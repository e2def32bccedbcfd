"""python -m benchmarks.counts [ROOT]: the size and shape of the code, by its syntax; exits with 1 past a limit.

A tree with other names is measured with `--as NAME=NAME`: `--as optimize=descent` takes its `optimize` as a `descent`.
"""

import argparse
import ast
import io
import sys
import tokenize
from collections.abc import Iterable, Iterator
from pathlib import Path
from statistics import median, quantiles

from benchmarks.imports import imports
from benchmarks.syntax import Count, Tree, tree_of

ROOT = Path(__file__).parents[1]
UNTYPED = {"dict", "Mapping", "MutableMapping"}


def functions(tree: Tree) -> list[Count]:
    """Lines of the package's functions, without decorators and docstrings."""
    lengths = {
        f"{path}:{node.lineno} {node.name}": _length(node)
        for path, module in tree.package.items()
        for node in ast.walk(module)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    long = tuple(f"{place} ({lines})" for place, lines in lengths.items() if lines > 50)
    return [
        Count("functions", len(lengths)),
        Count("lines of a function, median", median(lengths.values()), 10),
        Count("lines of a function, 90th percentile", quantiles(lengths.values(), n=10, method="inclusive")[-1]),
        Count("lines of a function, most", max(lengths.values()), 50),
        Count("functions of more than 50 lines", len(long), 0, long),
    ]


def _length(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    first = node.body[0]
    described = ast.get_docstring(node) is not None and first.end_lineno is not None
    return _lines(node) - (_lines(first) if described else 0)


def _lines(node: ast.stmt) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def files(tree: Tree) -> list[Count]:
    """Files that are too long."""

    def over(most: int, paths: Iterable[Path]) -> tuple[str, ...]:
        lengths = {path: len((tree.root / path).read_text().splitlines()) for path in paths}
        return tuple(f"{path} ({lines})" for path, lines in lengths.items() if lines > most)

    tests = [path for path in tree.around if path.parts[0] == "tests"]
    long, long_tests = over(250, {*tree.package, *tree.around}.difference(tests)), over(300, tests)
    return [
        Count("files of more than 250 lines, tests apart", len(long), None, tuple(sorted(long))),
        Count("files of tests of more than 300 lines", len(long_tests), 0, long_tests),
    ]


def untyped_dicts(tree: Tree) -> list[Count]:
    """Annotations that hold a dict of str to Any, or to object, or such a Mapping, or a name that stands for one."""
    aliases: set[tuple[str, str]] = set()
    before = -1
    while before != len(aliases):
        before = len(aliases)
        aliases |= {found for name, path in tree.modules.items() for found in _aliases(tree, name, path, aliases)}
    signatures, fields = list[str](), list[str]()
    for name, path in tree.modules.items():
        local = {alias for module, alias in aliases if module == name}
        for node in ast.walk(tree.package[path]):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                signatures += [f"{path}:{each.lineno}" for each in _annotations(node) if _holds(each, local)]
            elif isinstance(node, ast.ClassDef):
                held = [each for each in node.body if isinstance(each, ast.AnnAssign)]
                fields += [f"{path}:{each.lineno}" for each in held if _holds(each.annotation, local)]
    return [
        Count("`dict[str, Any]` in signatures (arguments and results)", len(signatures), 17, tuple(signatures)),
        Count("`dict[str, Any]` in fields of records", len(fields), None, tuple(fields)),
    ]


def _annotations(node: ast.FunctionDef | ast.AsyncFunctionDef) -> list[ast.expr]:
    of = node.args
    arguments = [*of.posonlyargs, *of.args, *of.kwonlyargs, *filter(None, (of.vararg, of.kwarg))]
    return [each for each in (*(argument.annotation for argument in arguments), node.returns) if each]


def _aliases(tree: Tree, name: str, path: Path, known: set[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """The names in a module that stand for an untyped dict, by its own assignment or by an import."""
    local = {alias for module, alias in known if module == name}
    for node in tree.package[path].body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and _holds(node.value, local):
            yield name, node.targets[0].id
        elif isinstance(node, ast.ImportFrom):
            yield from ((name, a.asname or a.name) for a in node.names if (node.module, a.name) in known)


def _holds(node: ast.expr, aliases: set[str]) -> bool:
    """Whether the type named by `node` holds an untyped dict."""
    for each in ast.walk(node):
        if isinstance(each, ast.Constant) and isinstance(each.value, str) and "dict[" in each.value:
            return _holds(ast.parse(each.value, mode="eval").body, aliases)
        if isinstance(each, ast.Subscript) and isinstance(each.value, ast.Name) and each.value.id in UNTYPED:
            if isinstance(each.slice, ast.Tuple) and [ast.unparse(part) for part in each.slice.elts] in (
                ["str", "Any"],
                ["str", "object"],
            ):
                return True
        elif isinstance(each, ast.Name) and each.id in aliases:
            return True
    return False


def habits(tree: Tree) -> list[Count]:
    """Types that are ignored, anywhere, and arguments that a function of the package hands on under their own name."""
    ignored = [
        f"{path}:{token.start[0]}"
        for path in (*tree.package, *tree.around)
        for token in tokenize.generate_tokens(io.StringIO((tree.root / path).read_text()).readline)
        if token.type == tokenize.COMMENT and "type: ignore" in token.string
    ]
    relays = [own for module in tree.package.values() for own in _relays(module, frozenset())]
    return [
        Count("`type: ignore`, tests and benchmarks included", len(ignored), 5, tuple(ignored)),
        Count("keyword relays `x=x`", len(relays), 179),
        Count("of these, the function's own arguments handed on", sum(relays)),
    ]


def _relays(node: ast.AST, arguments: frozenset[str]) -> Iterator[bool]:
    """For each keyword `x=x` below `node`: whether x is one of the `arguments` of the functions around it."""
    for inner in ast.iter_child_nodes(node):
        known = arguments
        if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            of = inner.args
            known |= {argument.arg for argument in (*of.posonlyargs, *of.args, *of.kwonlyargs)}
        if isinstance(inner, ast.Call):
            names = [k.arg for k in inner.keywords if isinstance(k.value, ast.Name) and k.value.id == k.arg]
            yield from (name in known for name in names)
        yield from _relays(inner, known)


def main() -> None:
    """Print the table, then where each count was met, and exit with 1 where a limit is passed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.counts", description=__doc__)
    parser.add_argument("root", nargs="?", type=Path, default=ROOT, help="the checkout to measure (this one)")
    parser.add_argument("--as", action="append", default=[], metavar="NAME=NAME", help="the place of an older name")
    options = vars(parser.parse_args())
    tree = tree_of(options["root"].resolve(), dict(pair.split("=", 1) for pair in options["as"]))
    counts = [count for of in (functions, files, untyped_dicts, habits, imports) for count in of(tree)]
    print("| | measured | at most | |\n| --- | ---: | ---: | --- |")
    for what, measured, most, _ in counts:
        holds = "" if most is None else "yes" if measured <= most else "NO"
        print(f"| {what} | {measured:g} | {'' if most is None else f'{most:g}'} | {holds} |")
    for count in counts:
        if count.where:
            print(f"\n{count.what}:", *count.where, sep="\n  ")
    sys.exit(not all(count.holds for count in counts))


if __name__ == "__main__":
    main()
