"""Questions as numbered text for plain terminals and screen readers: line by line, no cursor control, ASCII only."""

from __future__ import annotations

import shutil
import sys

from cnnwiz.cli.drawing import wrapped
from cnnwiz.cli.page import LONGEST, Help, Page, Signal, Told, command_in
from cnnwiz.cli.plain import visible

MORE = ":more"
WANTED = {"choice": "A number or name", "several": "Numbers or names with commas between, or none", "text": "A value"}


class Numbered:
    """A front end that prints to stderr and reads lines from stdin."""

    def say(self, text: str) -> None:
        """Print sentences, wrapped."""
        width = max(min(shutil.get_terminal_size((80, 24)).columns, 80) - 2, 20)
        for line in text.splitlines() or [""]:
            hanging = " " * (len(line) - len(line.lstrip()) + 2)
            self.show("\n".join(wrapped(line, width, hanging)))

    def show(self, text: str) -> None:
        """Print text as it is, in ASCII."""
        sys.stderr.write(visible(text).encode("ascii", "backslashreplace").decode("ascii") + "\n")

    def progress(self, text: str) -> None:
        """Nothing: a line that changes cannot be read aloud."""

    def ask(self, page: Page) -> str | Signal | Help:
        """Print the question and read one line; a number stands for the option beside it, nothing for the default."""
        self.say(f"\n{page.title} [{page.place}]")
        for note in page.notes:
            self.say(f"  {note}")
        shown = 0
        while True:
            shown = self._list(page, shown)
            more = f", {MORE} for the rest" if shown < len(page.options) else ""
            default = f" Enter means {page.default}." if page.default else ""
            self.say(f"{WANTED[page.form]}{more}, :help, :back or :quit.{default}")
            line = self._line()
            if line.lower() != MORE or not more:
                break
        reply = command_in(line or page.default)
        if isinstance(reply, Help):
            return Help(self._chosen(reply.word, page) if reply.word else "")
        return reply if isinstance(reply, Signal) or page.form == "text" else self._chosen(reply, page)

    def _list(self, page: Page, start: int) -> int:
        """Print the options from `start` on, at most LONGEST; the number of those printed so far."""
        end = min(start + LONGEST, len(page.options))
        for number in range(start, end):
            option = page.options[number]
            words = [option.value, "recommended"] if option.value in page.recommended else [option.value]
            told = page.tell(option.value) if page.form == "choice" and not option.unavailable else Told()
            refusal = option.unavailable or told.refusal
            words += [told.mark] if told.mark and not refusal else []
            line = ". ".join(filter(None, (option.line, option.warning)))
            line = f"not available: {refusal}" if refusal else line
            self.say(f"  {number + 1}. {', '.join(words)}" + (f": {line}" if line else ""))
        return end

    def _line(self) -> str:
        sys.stderr.write("> ")
        sys.stderr.flush()
        line = sys.stdin.readline()
        if not line:  # end of input, also Ctrl-D
            sys.stderr.write("\n")
            raise KeyboardInterrupt
        return line.strip()

    def _chosen(self, reply: str, page: Page) -> str:
        words = [word.strip() for word in reply.split(",")]
        numbered = {str(number): option.value for number, option in enumerate(page.options, 1)}
        return ",".join(numbered.get(word, word) for word in words)
