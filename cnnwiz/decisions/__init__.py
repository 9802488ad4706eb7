"""The questions of `cnnwiz new` as data, and the pure engine that walks through them."""

from __future__ import annotations

from cnnwiz.decisions.compose import reason, reasons, spec_from
from cnnwiz.decisions.engine import Change, answer, back, next_question, plan, take
from cnnwiz.decisions.question import LEVELS, Advice, Answers, Level, Option, Question
from cnnwiz.decisions.questions import QUESTIONS, before, defaults, missing, question

__all__ = [
    "LEVELS",
    "QUESTIONS",
    "Advice",
    "Answers",
    "Change",
    "Level",
    "Option",
    "Question",
    "answer",
    "back",
    "before",
    "defaults",
    "missing",
    "next_question",
    "plan",
    "question",
    "reason",
    "reasons",
    "spec_from",
    "take",
]
