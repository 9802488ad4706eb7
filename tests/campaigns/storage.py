"""Disks that refuse: every call that changes a file failed in turn, and disks of growing size."""

from __future__ import annotations

import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lives import RESULTS, Lives, result

SOURCE = Path(__file__).with_name("faults.c")


def shim(folder: Path) -> Path:
    """The library of faults.c, compiled."""
    library = folder / "faults.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", str(library), str(SOURCE), "-ldl"], check=True)
    return library


def faults(lives: Lives, most: int) -> str:
    """The n-th write, fsync, rename, open, mkdir, unlink or ftruncate below the run directory fails, for n = 1, 2, ...

    At most `most` places, evenly spread. The command ends with code 4 (or 0 where it can do without), nothing readable
    is lost, and the same command again ends with the same bits as a run without a fault.
    """
    whole = lives.folder / "whole"
    calls = lives.folder / "calls.txt"
    code = lives.train("whole", environment={"FAULT_UNDER": str(whole), "FAULT_LOG": str(calls)})
    said = lives.said()
    assert code == 0, said
    names, expected = calls.read_text().split(), result(whole)
    places = range(1, len(names) + 1, max(len(names) // most, 1))
    refused: Counter[str] = Counter()
    unharmed = 0
    for place in places:
        run = lives.folder / "faulty"
        code = lives.train("faulty", environment={"FAULT_UNDER": str(run), "FAULT_AT": str(place)})
        what = names[place - 1]
        said = lives.said()
        assert code in (0, 4), f"{what} {place}: code {code}: {said}"
        assert code == 0 or said.startswith("error: "), said
        assert not any(word in said for word in ("Traceback", "a bug in cnnwiz")), said
        refused[what] += code == 4
        unharmed += code == 0
        again(lives, run, expected)
    told = ", ".join(f"{number} {name}" for name, number in sorted(refused.items()))
    return f"{len(places)} of {len(names)} calls failed in turn: code 4 for {told}; {unharmed} did no harm; all went on"


def sizes(lives: Lives, count: int) -> str:
    """Runs on `count` disks (tmpfs) from 4 kB to more than enough, each enlarged once it was full."""
    expected, needed = _measured(lives)
    full = 0
    for number in range(count):
        size = 4096 + round(number / max(count - 1, 1) * 1.1 * needed) // 4096 * 4096
        with disk(lives.folder / "disk", size) as folder:
            code = lives.train("disk/run")
            said = lives.said()
            assert code in (0, 4), f"{size} bytes: code {code}: {said}"
            assert not any(word in said for word in ("Traceback", "a bug in cnnwiz")), said
            full += code == 4
            subprocess.run(["mount", "-o", "remount,size=64m", str(folder)], check=True)
            again(lives, folder / "run", expected)
    return f"{count} disks of 4 to {round(1.1 * needed / 1024)} kB, {full} of them too small (code 4): all went on"


def limits(lives: Lives, count: int) -> str:
    """The same with limits on the size of a file (RLIMIT_FSIZE), where disks cannot be mounted."""
    expected, _ = _measured(lives)
    largest = max(path.stat().st_size for path in (lives.folder / "whole").rglob("*") if path.is_file())
    hit = 0
    for number in range(count):
        limit = round((number + 1) / count * 1.1 * largest)
        code = lives.train("limited", limits={"RLIMIT_FSIZE": limit})
        said = lives.said()
        assert code in (0, 4), f"{limit} bytes: code {code}: {said}"
        hit += code == 4
        again(lives, lives.folder / "limited", expected)
    return f"{count} limits on file size, {hit} of them hit (code 4): all went on"


def again(lives: Lives, run: Path, expected: list[bytes]) -> None:
    """The same command, now undisturbed, ends as a run that never was disturbed."""
    code = lives.train(str(run.relative_to(lives.folder)))
    said = lives.said()
    assert code == 0, f"code {code}: {said}"
    assert result(run) == expected, f"{run} differs"
    for path in run.iterdir():
        assert not path.name.startswith(".tmp."), f"{path} was left"
    shutil.rmtree(run)


@contextmanager
def disk(folder: Path, size: int) -> Iterator[Path]:
    """A file system of so many bytes in memory."""
    folder.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def can_mount(folder: Path) -> bool:
    """Whether this user may mount."""
    try:
        with disk(folder / "trial", 65536):
            return True
    except (subprocess.CalledProcessError, FileNotFoundError):
        return False


def _measured(lives: Lives) -> tuple[list[bytes], int]:
    """(files, bytes on disk at the end) of an undisturbed run."""
    run = lives.folder / "whole"
    code = lives.train("whole")
    said = lives.said()
    assert code == 0, said
    assert all((run / name).exists() for name in RESULTS)
    return result(run), sum(-(-path.stat().st_size // 4096) * 4096 + 4096 for path in run.rglob("*"))
