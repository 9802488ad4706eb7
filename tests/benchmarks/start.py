"""Measures what starting costs: processor time of short commands in fresh processes, in milliseconds.

    python tests/benchmarks/start.py [ROUNDS]        about half a minute of one core for 9 rounds

Two yardsticks stand above, as machines differ and their speed varies by the minute: Python alone, and the three
libraries that every command needs. Each round runs everything once, so that a slow minute meets all of them. The least
is the figure to quote, since other processes can only add; the limits are those of the tests, on a quiet machine.
"""

from __future__ import annotations

import os
import pty
import resource
import select
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

ROOT = Path(__file__).parents[2]
SPEC = str(ROOT / "templates" / "cifar10.yaml")
ENVIRONMENT = {name: value for name, value in os.environ.items() if name not in ("PYTHONDONTWRITEBYTECODE", "CI")}
FIRST_QUESTION = "new, to its first question"
PROMPT = b"Ctrl-C quit"
CNNWIZ = ("-m", "cnnwiz")
COMMANDS: dict[str, tuple[str, ...]] = {
    "Python alone": ("-c", "pass"),
    "import pydantic, typer, yaml": ("-c", "import pydantic, typer, yaml"),
    "--version": (*CNNWIZ, "--version"),
    "--help": (*CNNWIZ, "--help"),
    "lint SPEC": (*CNNWIZ, "lint", SPEC),
    "summary SPEC": (*CNNWIZ, "summary", SPEC),
    "explain elu": (*CNNWIZ, "explain", "elu"),
    "schema": (*CNNWIZ, "schema"),
    FIRST_QUESTION: (*CNNWIZ, "new"),
}


def main(rounds: int = 9) -> None:
    """Print the least and the median of each command."""
    times: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for number in range(rounds + 1):
        for name, arguments in COMMANDS.items():
            taken = until_asked(arguments) if name == FIRST_QUESTION else until_done(arguments)
            if number:  # the first round writes bytecode
                times[name].append(1000 * taken)
    print(f"{'ms of processor time':<30} {'least':>6} {'median':>7}")
    for name, taken in times.items():
        print(f"{name:<30} {min(taken):>6.0f} {median(taken):>7.0f}")


def until_done(arguments: tuple[str, ...]) -> float:
    """Seconds of processor time of a whole process, user and system."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *arguments], stdout=subprocess.DEVNULL, env=ENVIRONMENT, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def until_asked(arguments: tuple[str, ...]) -> float:
    """Seconds of processor time of a process in a terminal, from its start to its prompt; then it is interrupted."""
    with tempfile.TemporaryDirectory() as folder:
        process, terminal = pty.fork()
        if process == 0:
            os.chdir(folder)
            settings = {"TERM": "xterm", "PROMPT_TOOLKIT_NO_CPR": "1", "LINES": "60", "COLUMNS": "80"}
            os.execve(sys.executable, [sys.executable, *arguments], ENVIRONMENT | settings)
        shown = b""
        while PROMPT not in shown:
            if not select.select([terminal], [], [], 60)[0]:
                raise SystemExit(f"no question within a minute; on the screen: {shown!r}")
            shown += os.read(terminal, 65536)
        fields = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
        os.write(terminal, b"\x03")
        while select.select([terminal], [], [], 10)[0]:
            try:
                os.read(terminal, 65536)
            except OSError:  # the other side is closed
                break
        os.waitpid(process, 0)
        os.close(terminal)
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
