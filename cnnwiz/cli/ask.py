"""`cnnwiz new` with a person at the terminal: which front end, what if the file exists, and how to go on later."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from cnnwiz.cli.console import is_plain
from cnnwiz.cli.dialogue import Session, choose_level
from cnnwiz.cli.new import finish
from cnnwiz.cli.page import Front, Help, Page, Signal
from cnnwiz.decisions import Level, Option, before, question

if TYPE_CHECKING:
    from cnnwiz.cli.start import Start


def front_for(plain: bool) -> Front:
    """Menus, or numbered text where cursor control is not wanted."""
    if plain or is_plain():
        from cnnwiz.cli.numbered import Numbered

        return Numbered()
    from cnnwiz.cli.prompts import Prompts

    return Prompts(colour=not os.environ.get("NO_COLOR"))


def converse(front: Front, start: Start, level: Level | None, output: str, force: bool, dry_run: bool) -> int:
    """Ask, review, write; the exit code: 0 written, 1 the user quits, 130 interrupted."""
    session = Session(front, start.answers, level or "guided", output or start.file, start.document)
    try:
        session.level = level or choose_level(front, start.answers)
        wants = session.run()
        if wants and (force or dry_run or settle_target(session)):
            finish(start, session.answers, session.file, True, dry_run)
            front.show(f"Same answers without questions:\n  {command(session, start, finished=True)}")
            return 0
        code, word = 1, "Quit."
    except KeyboardInterrupt:
        code, word = 130, "Cancelled."
    count = len(session.answers)
    many = f"the {count} answers" if count != 1 else "the answer"
    more = f" To go on with {many} given:\n  {command(session, start, finished=False)}" if count else ""
    front.show(f"{word} Nothing was written.{more}")
    return code


def settle_target(session: Session) -> bool:
    """Ask before an existing file is replaced, or for another name; False if the user would rather quit."""
    while session.file != "-" and Path(session.file).exists():
        options = (
            Option("keep", "keep it, choose another name"),
            Option("difference", "show the difference"),
            Option("replace", f"replace it; the old one is kept as {Path(session.file).name}.bak"),
            Option("quit", "leave it and write nothing"),
        )
        reply = session.front.ask(Page(f"{session.file} exists. What now?", "output", "choice", "keep", options))
        if reply == "replace":
            return True
        if reply == "quit":
            return False
        if reply == "difference":
            session.front.show("\n".join(session.difference()) or "No difference.")
        elif isinstance(reply, (Signal, Help)):
            session.front.say("Choose keep, difference, replace or quit.")
        elif reply == "keep":
            name = session.front.ask(Page("Name of the file", "output", "text", session.file))
            session.target = name if isinstance(name, str) else session.target
    return True


def command(session: Session, start: Start, finished: bool) -> str:
    """The command that gives the same answers: all of them, or once finished those that do not stand there anyway."""
    import shlex

    words = ["cnnwiz", "new", *start.options]
    words += ["-o", session.target] if session.target and session.target != start.file else []
    words += ["--defaults"] if finished else ["--level", session.level]
    for key, value in session.answers.items():
        item = question(key)
        advice = item.advise(before(session.answers, key))
        if not finished or advice is None or advice.value != value:
            words += ["--set", f"{key}={item.show(value)}"]
    return shlex.join(words)
