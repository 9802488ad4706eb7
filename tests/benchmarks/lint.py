"""Measures `cnnwiz lint`: time for one file, and for 1,000 that differ in training only, or in their networks.

python tests/benchmarks/lint.py [NUMBER]        about half a minute of one core
"""

from __future__ import annotations

import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TEMPLATES = sorted((Path(__file__).parents[2] / "templates").glob("*.yaml"))


def main(number: int = 1000) -> None:
    """Print a line for each case: processor time and wall time in seconds."""
    with tempfile.TemporaryDirectory() as folder:
        cases = {"one file": (1, seeded), "other seeds": (number, seeded), "other networks": (number, widened)}
        for name, (count, change) in cases.items():
            files = Path(folder, name)
            files.mkdir()
            for index in range(count):
                template = TEMPLATES[index * len(TEMPLATES) // count]
                text = change(template.read_text(encoding="utf-8"), index)
                (files / f"{index:04}.yaml").write_text(text, encoding="utf-8")
            processor, wall = min(measured(files) for _ in range(5 if count == 1 else 1))
            print(f"{name:<15} {count:>5} files  {processor:6.2f} s of processor time  {wall:6.2f} s", flush=True)


def seeded(text: str, index: int) -> str:
    """The spec under another name and with another seed."""
    text = re.sub(r"(?m)^name: .*$", f"name: run{index}", text)
    return re.sub(r"(?m)^training: \{", f"training: {{seed: {index}, ", re.sub(r"seed: \d+, |, seed: \d+", "", text))


def widened(text: str, index: int) -> str:
    """The spec with another number of channels in the middle, so that most of its network is another one."""
    found = list(re.finditer(r"\bchannels: (\d+)", text))
    match = found[len(found) // 2] if found else None
    return (
        text[: match.start(1)] + str(int(match[1]) + 8 * index) + text[match.end(1) :] if match else seeded(text, index)
    )


def measured(folder: Path) -> tuple[float, float]:
    """(processor time, wall time) of one run of the command."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    command = [sys.executable, "-m", "cnnwiz", "lint", str(folder), "--isolated", "--output-format", "concise"]
    plain = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    subprocess.run(command, stdout=subprocess.DEVNULL, env=plain, check=False)
    after, wall = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter() - began
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, wall


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
