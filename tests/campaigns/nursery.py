"""Many short lives of `cnnwiz`, each a process of its own that is forked from one which has already imported torch.

Run by `lives.py` as a server: a JSON line on stdin asks, a JSON line on stdout answers. {"start": [arguments], "cwd",
"environment", "limits", "log"} gives {"pid"}; {"wait": pid} gives {"code"}, negative for the signal that ended it.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import traceback
from typing import Any


def live(asked: dict[str, Any]) -> None:
    """What a forked process does: the command, as if it had been started by itself. Never returns."""
    code = 1
    try:
        os.setsid()
        os.chdir(asked["cwd"])
        os.environ.update(asked["environment"])
        log = os.open(asked["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
        for stream, place in ((0, os.open(os.devnull, os.O_RDONLY)), (1, log), (2, log)):
            os.dup2(place, stream)
        for name, limit in asked["limits"].items():
            import resource

            resource.setrlimit(getattr(resource, name), (limit, limit))
        if "COUNT_STEPS" in os.environ or "STOP_BEHIND" in os.environ:
            watch_steps(os.environ.get("COUNT_STEPS", os.devnull), int(os.environ.get("STOP_BEHIND", "0")))
        from cnnwiz.__main__ import run

        code = run(asked["start"])
        sys.stdout.flush()
        sys.stderr.flush()
    except BaseException:  # noqa: BLE001 - a forked process must never go back into the server's loop
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(code)


def watch_steps(path: str, last: int) -> None:
    """Add a byte to a file behind every step of SGD, and send SIGTERM to this process behind the step `last`."""
    from torch.optim import SGD

    original = SGD.step
    done = 0

    def step(self: SGD, *arguments: Any, **keywords: Any) -> Any:
        nonlocal done
        result = original(self, *arguments, **keywords)
        counter = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
        os.write(counter, b".")
        os.close(counter)
        done += 1
        if done == last:
            os.kill(os.getpid(), signal.SIGTERM)
        return result

    SGD.step = step


def serve() -> None:
    """Answer until stdin ends."""
    # What the first run would import, so that no life pays for it.
    import sklearn.datasets  # noqa: F401
    import torch
    import torch._dynamo

    import cnnwiz.cli.eval
    import cnnwiz.cli.train
    import cnnwiz.evaluation
    import cnnwiz.training.loop  # noqa: F401

    torch.set_num_threads(1)
    for line in sys.stdin:
        asked = json.loads(line)
        if "start" in asked:
            pid = os.fork()
            if pid == 0:
                live(asked)
            answer = {"pid": pid}
        else:
            _, status = os.waitpid(asked["wait"], 0)
            answer = {"code": os.waitstatus_to_exitcode(status)}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    serve()
