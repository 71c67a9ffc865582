"""How much memory each process of an arena has held at most, since it was started."""

import contextlib
from pathlib import Path

from bench.arena import Arena


def peaks(arena: Arena) -> dict[str, float]:
    """Megabytes at the most, by part; a part's children are told one by one."""
    found: dict[str, float] = {}
    for name, process in arena.processes.items():
        with contextlib.suppress(OSError):
            found[name] = _peak(process.pid)
            for number, child in enumerate(_children(process.pid), 1):
                found[f"{name}, child {number}"] = _peak(child)
    return found


def own_peak() -> float:
    """Megabytes that this process has held at most."""
    return _peak("self")


def print_peaks(found: dict[str, float]) -> None:
    for name, size in found.items():
        print(f"{f'most memory, {name} (MB)':>44} {size:>10.1f}")


def now_resident(arena: Arena, name: str) -> int:
    """Bytes that a part holds now, without its children."""
    return _kilobytes(arena.processes[name].pid, "VmRSS") * 1024


def _peak(pid: int | str) -> float:
    return round(_kilobytes(pid, "VmHWM") * 1024 / 1e6, 1)


def _kilobytes(pid: int | str, what: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{what}:"):
            return int(line.split()[1])
    return 0


def _children(pid: int) -> list[int]:
    threads = Path(f"/proc/{pid}/task").iterdir()
    return sorted(int(one) for at in threads for one in (at / "children").read_text().split())
