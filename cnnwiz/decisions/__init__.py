"""The questions of `cnnwiz new` as data, and the pure engine that walks through them."""

from __future__ import annotations

from cnnwiz.decisions.compose import Draft, draft, place_of, reason, reasons, spec_from
from cnnwiz.decisions.engine import Change, answer, back, next_question, plan, take
from cnnwiz.decisions.fingerprint import Fingerprint
from cnnwiz.decisions.question import LEVELS, Advice, Answers, Background, Level, Option, Question
from cnnwiz.decisions.questions import QUESTIONS, before, defaults, missing, question

__all__ = [
    "LEVELS",
    "QUESTIONS",
    "Advice",
    "Answers",
    "Background",
    "Change",
    "Draft",
    "Fingerprint",
    "Level",
    "Option",
    "Question",
    "answer",
    "back",
    "before",
    "defaults",
    "draft",
    "missing",
    "next_question",
    "place_of",
    "plan",
    "question",
    "reason",
    "reasons",
    "spec_from",
    "take",
]
