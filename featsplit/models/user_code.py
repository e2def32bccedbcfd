"""The user's own code: the network that their `module:function` makes, and where an error in it came from."""

import importlib
import importlib.util
import inspect
import sys
import sysconfig
import textwrap
import traceback
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

from torch import nn

from featsplit.errors import FeatsplitError

LIBRARIES = (
    *(Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "purelib", "platlib")),
    Path(__file__).resolve().parents[1],
)
"""Where the code lies that is not the user's: Python's, that of installed packages, and ours."""


def network_of(arch: str, *, shape: tuple[int, int, int], classes: int) -> nn.Module:
    """What the user's `module:function` returns; the working folder is searched too, as Python does for a script.

    Or `FILE.py:function`, of a file anywhere.

    Raises FeatsplitError where there is no such function, it cannot be called as it is, fails, or returns no network.
    """
    factory = _imported(arch)
    _check_call(arch, factory)
    try:
        network = factory(shape=shape, classes=classes)
    except Exception as error:
        function = arch.rpartition(":")[2]
        raise FeatsplitError(f'model.arch = "{arch}": {function} raised {raised(error)}') from error
    if not isinstance(network, nn.Module):
        raise FeatsplitError(f'model.arch = "{arch}": returned a {type(network).__name__}, not a torch.nn.Module')
    return network


def raised(error: Exception) -> str:
    """The last line of the traceback of `error`, and the line of the user's own file that it came from, if any."""
    reason = textwrap.shorten(str(error), 300, placeholder=" ...")
    place = _place(error)
    return type(error).__name__ + (f": {reason}" if reason else "") + (f" ({place})" if place else "")


def _place(error: Exception) -> str | None:
    """`mine.py, line 12`: the innermost call that is neither Python's, nor an installed package's, nor ours."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        path = Path(frame.filename).resolve()
        if not frame.filename.startswith("<") and not any(path.is_relative_to(folder) for folder in LIBRARIES):
            return f"{path.name}, line {frame.lineno}"
    return None


def _imported(arch: str) -> Callable[..., object]:
    """The function that `arch` names."""
    module, _, function = arch.rpartition(":")
    if "" not in sys.path:
        sys.path.insert(0, "")
    try:
        loaded = _of_file(Path(module)) if module.endswith(".py") else importlib.import_module(module)
        factory: Callable[..., object] = getattr(loaded, function)
    except FeatsplitError:
        raise
    except Exception as error:
        if isinstance(error, SyntaxError) or _place(error):
            raise FeatsplitError(f'model.arch = "{arch}": importing {module} raised {raised(error)}') from error
        raise FeatsplitError(
            f'model.arch = "{arch}": {error}; write it as module:function, importable from here'
        ) from error
    return factory


def _of_file(path: Path) -> ModuleType:
    """The module that the file at `path` is."""
    if not path.is_file():
        raise FeatsplitError(f"model.arch: {path}: no such file; write it as FILE.py:function")
    name = f"featsplit_user_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _check_call(arch: str, factory: Callable[..., object]) -> None:
    """Raise FeatsplitError unless `factory` can be called by the names of its arguments as factories are."""
    function = arch.rpartition(":")[2]
    rule = f"it is called as {function}(shape=(C, H, W), classes=K)"
    if isinstance(factory, nn.Module) or not callable(factory):
        kind = "network" if isinstance(factory, nn.Module) else type(factory).__name__
        raise FeatsplitError(f'model.arch = "{arch}": is a {kind}, not a function that returns a network; {rule}')
    try:
        signature = inspect.signature(factory)
    except (TypeError, ValueError):  # written in C, and says nothing
        return
    try:
        signature.bind(shape=(1, 1, 1), classes=1)
    except TypeError as error:
        raise FeatsplitError(f'model.arch = "{arch}": {error}; {rule}') from error
