"""The one exception that reaches a user: what is wrong, where, what to do, and the exit code it stands for."""

from __future__ import annotations


class CnnwizError(Exception):
    """A problem the user can mend. `str(error)` is one line; `code` is the exit status (design: contracts).

    2 cannot start, 3 training diverged, 4 storage, 5 run directory in use, 6 worker, rank or device failed.
    """

    def __init__(self, message: str, code: int = 2) -> None:
        super().__init__(message)
        self.code = code


def first_line(error: BaseException) -> str:
    """What a library's error says, for a message of ours; the name of its class where it says nothing."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
