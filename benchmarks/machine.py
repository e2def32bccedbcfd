"""The machine and versions that a figure was measured with."""

import os
import platform
from datetime import date
from importlib.metadata import version
from pathlib import Path


def machine() -> dict[str, str]:
    """Processor, cores, memory, versions and the day."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "processor": processor(),
        "cores": str(os.cpu_count()),
        "memory": f"{memory:.0f} GiB",
        "python": platform.python_version(),
        **{name: version(name) for name in ("featsplit", "torch", "torchvision", "numpy", "h5py")},
        "date": date.today().isoformat(),
    }


def processor() -> str:
    """The processor as Linux names it, with the instruction sets that matter here."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    fields = {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    sets = [name for name in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if name in fields.get("flags", "").split()]
    return f"{fields.get('model name', platform.machine())} ({', '.join(sets)})"


def told(measured: dict[str, str]) -> str:
    """The machine in a line."""
    return ", ".join(f"{name} {value}" for name, value in measured.items())
