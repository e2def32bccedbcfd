"""Claims: a file says which process of which host has a place to itself, on any disk that several hosts share.

The file comes into being with what it says, in one step that no other process can make too: a hard link, or where the
disk has none a file that is opened only if it is not there (O_EXCL). Both hold on a network file system, where
`flock` may hold among the processes of a host alone.
"""

import errno
import json
import os
import socket
import threading
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any, TextIO

from featsplit.files import is_running


def claim(lock: Path) -> str | None:
    """Make `lock` this process's, and return None; or who has it: "process 12 of node7", or of this host "process 12".

    A lock whose process is dead, by the word of the host that it is of, is taken over. That of a process on another
    host is never: nothing that is seen from here, no clock and no file's age, tells whether it still runs. Raises
    OSError where the folder cannot be written to.
    """
    while not _claimed(lock):
        if (owner := _owner(lock)) is not None:
            return owner
    return None


def release(lock: Path) -> None:
    """Remove `lock`, if it is this process's."""
    with suppress(OSError):
        if lock.read_text() == _own():
            lock.unlink()


def _own() -> str:
    return json.dumps({"host": socket.gethostname(), "process": os.getpid(), "began": _began("self")})


def _claimed(lock: Path) -> bool:
    """Whether the lock is ours now: it is made, with what it says, in one step, or it is there already."""
    mine = lock.with_name(f"{lock.name}.{socket.gethostname()}.{os.getpid()}.{threading.get_ident()}")
    mine.write_text(_own())
    try:
        os.link(mine, lock)
    except FileExistsError:
        return mine.stat().st_nlink == 2  # the link was made, and the server's answer to it got lost
    except OSError:  # a disk without links
        return _created(lock)
    finally:
        mine.unlink()
    return True


def _created(lock: Path) -> bool:
    try:
        with lock.open("x") as file:
            file.write(_own())
    except FileExistsError:
        return False
    return True


def _owner(lock: Path) -> str | None:
    """Who has the lock; None where nobody has it any more, and it is gone.

    Only processes of the dead one's own host remove it, one at a time: none removes what another has made since.
    """
    try:
        with lock.open() as file:
            if (owner := _alive(file.read())) is not None:
                return owner
            _wait_for_others(file)
            with suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(file.fileno()), lock.stat()):
                    lock.unlink()
    except OSError as error:
        if error.errno not in (errno.ENOENT, errno.ESTALE):  # a network file system says either of what is gone
            raise
    return None


def _wait_for_others(file: TextIO) -> None:
    """Go on when no other process of this host has the file; where there are such locks."""
    with suppress(ImportError, OSError):
        module: Any = import_module("fcntl")
        module.flock(file, module.LOCK_EX)


def _alive(said: str) -> str | None:
    """Who holds a lock that says this; None where that process is dead."""
    try:
        owner = json.loads(said)
        host, process, began = str(owner["host"]), int(owner["process"]), owner["began"]
    except (ValueError, KeyError, TypeError):
        return "something that left no name"
    if host != socket.gethostname():
        return f"process {process} of {host}"
    return None if _began(str(process)) != began or not is_running(process) else f"process {process}"


def _began(process: str) -> str | None:
    """When `process` of this host began, where the system says so: the numbers of processes come again."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return None
