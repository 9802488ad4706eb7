"""The questions of `cnnwiz new` as data, and the pure engine that walks through them."""

from __future__ import annotations

from cnnwiz.decisions.compose import reason, reasons, spec_from
from cnnwiz.decisions.engine import (
    QUESTIONS,
    Change,
    answer,
    back,
    before,
    defaults,
    missing,
    next_question,
    plan,
    question,
    take,
)
from cnnwiz.decisions.question import LEVELS, Advice, Answers, Level, Option, Question

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
