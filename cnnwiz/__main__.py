"""Where the command line starts and where every error ends: one line, the right exit code, no traceback."""

from __future__ import annotations

import atexit
import gc
import os
import sys
from collections.abc import Sequence

from cnnwiz import __version__
from cnnwiz.errors import CnnwizError


def main(arguments: Sequence[str] | None = None) -> None:
    """Run `cnnwiz ARGUMENTS` and exit with its status."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    if arguments == ["--version"]:  # answered before anything is imported
        print(f"cnnwiz {__version__}")
        return
    sys.exit(run(arguments))


def run(arguments: list[str]) -> int:
    """Run a command and return its exit code (design: contracts)."""
    gc.set_threshold(300_000)  # imports make objects that stay: looking among them for garbage costs 30 to 60 ms
    atexit.register(leave_garbage)
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "1")  # looking for them costs a fifth of a short command
    debug = "--debug" in arguments
    arguments = [argument for argument in arguments if argument != "--debug"]
    try:
        from cnnwiz.cli.app import invoke

        code = invoke(arguments)
        sys.stdout.flush()
    except CnnwizError as error:
        if debug:
            raise
        say(f"error: {error}")
        return error.code
    except KeyboardInterrupt:
        say("stopped")
        return 130
    except BrokenPipeError:  # `cnnwiz rules | head`: nobody reads on, which is no error
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 0
    except Exception as error:
        if debug:
            raise
        return crash(error)
    return code


def leave_garbage() -> None:
    """Spare the end of a short command a search for garbage, 45 ms; torch's libraries complain of what is left."""
    if "torch" not in sys.modules:
        gc.freeze()


def crash(error: Exception) -> int:
    """Keep the traceback in a file and say in one line where it is."""
    import tempfile
    import traceback

    with tempfile.NamedTemporaryFile(
        "w", prefix="cnnwiz-crash-", suffix=".txt", delete=False, encoding="utf-8"
    ) as file:
        file.write(f"cnnwiz {__version__}, Python {sys.version}\n")
        file.writelines(traceback.format_exception(error))
    say(
        f"error: a bug in cnnwiz ({type(error).__name__}: {' '.join(str(error).split())[:200]}); details in {file.name}"
    )
    return 1


def say(text: str) -> None:
    """Text to stderr, with control characters of untrusted names made visible."""
    from cnnwiz.cli.plain import visible

    sys.stderr.write(visible(text) + "\n")


if __name__ == "__main__":
    main()
