"""Many short lives of `cnnwiz`, each a process of its own that is forked from one which has already imported torch.

Run by `lives.py` as a server: a JSON line on stdin asks, a JSON line on stdout answers. {"start": [arguments], "cwd",
"environment", "log"} gives {"pid"}; {"wait": pid} gives {"code"}, negative for the signal that ended it.
"""

from __future__ import annotations

import json
import os
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
        log = os.open(asked["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        for stream in (1, 2):
            os.dup2(log, stream)
        os.close(log)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        for name, limit in asked.get("limits", {}).items():
            import resource

            resource.setrlimit(getattr(resource, name), (limit, limit))
        from cnnwiz.__main__ import run

        code = run(asked["start"])
        sys.stdout.flush()
        sys.stderr.flush()
    except BaseException:  # noqa: BLE001 - a forked process must never go back into the server's loop
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(code)


def serve() -> None:
    """Answer until stdin ends."""
    import torch

    import cnnwiz.cli.train
    import cnnwiz.evaluation
    import cnnwiz.training.loop  # noqa: F401 - so that no life pays for it

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
