"""Questions as numbered text for plain terminals and screen readers: line by line, no cursor control, ASCII only."""

from __future__ import annotations

import sys
import textwrap

from cnnwiz.cli.dialogue import Page, Signal, command_in
from cnnwiz.cli.plain import visible

WIDTH = 78


class Numbered:
    """A front end that prints to stderr and reads lines from stdin."""

    def say(self, text: str) -> None:
        """Print sentences, wrapped."""
        for line in text.splitlines() or [""]:
            indent = " " * (len(line) - len(line.lstrip()) + 2)
            self.show("\n".join(textwrap.wrap(line, WIDTH, subsequent_indent=indent, break_on_hyphens=False)))

    def show(self, text: str) -> None:
        """Print text as it is, in ASCII."""
        sys.stderr.write(visible(text).encode("ascii", "backslashreplace").decode("ascii") + "\n")

    def ask(self, page: Page) -> str | Signal:
        """Print the question and read one line; a number stands for the option beside it, nothing for the default."""
        self.say(f"\n{page.title} [{page.place}]")
        for note in page.notes:
            self.say(f"  {note}")
        for number, option in enumerate(page.options, 1):
            mark = ", recommended" if option.value in page.recommended else ""
            line = f"not available: {option.unavailable}" if option.unavailable else option.line
            self.say(f"  {number}. {option.value}{mark}" + (f": {line}" if line else ""))
        wanted = {"choice": "A number", "several": "Numbers with commas between, or none", "text": "A value"}[page.form]
        default = f" Enter means {page.default}." if page.default else ""
        self.say(f"{wanted}, :help, :back or :quit.{default}")
        sys.stderr.write("> ")
        sys.stderr.flush()
        line = sys.stdin.readline()
        if not line:  # end of input, also Ctrl-D
            sys.stderr.write("\n")
            raise KeyboardInterrupt
        reply = command_in(line.strip() or page.default)
        return reply if isinstance(reply, Signal) or page.form == "text" else self._chosen(reply, page)

    def _chosen(self, reply: str, page: Page) -> str:
        words = [word.strip() for word in reply.split(",")]
        numbered = {str(number): option.value for number, option in enumerate(page.options, 1)}
        return ",".join(numbered.get(word, word) for word in words)
