"""What is said about the options of a question and the replies to it: reasons, measured effects, consequences."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from cnnwiz.cli.page import Told
from cnnwiz.decisions import Advice, Answers, Option, Question

OPENING = ("task", "data.source", "data.path")
"""Questions that everything else adapts to: lint has nothing to say about their options, and is not loaded for them."""


@dataclass(frozen=True)
class Outcome:
    """What replies to a question lead to."""

    item: Question
    known: Mapping[str, Any]
    answers: Answers
    options: tuple[Option, ...]

    @cached_property
    def already(self) -> frozenset[str]:
        """Codes of findings that are there whatever is replied."""
        from cnnwiz.decisions.outlook import codes

        return codes(self.answers.without(self.item.key))

    def told(self, reply: str) -> Told:
        """Refusal, checks, network and what would be asked again, for a reply."""
        value, refusal = self.item.read(reply, self.known)
        if refusal:
            return Told(refusal)
        if self.item.key in OPENING:
            return Told()
        from cnnwiz.decisions.outlook import outlook

        seen = outlook(self.answers, self.item, value, self.already)
        if seen.refusal:
            return Told(seen.refusal, mark="cannot be chosen")
        lines = [f"Lint: {found.severity} {found.code}: {found.message}" for found in seen.findings]
        lines += [f"Asked again: {key} ({why})" for key, why in seen.dropped]
        lines += [f"So far: {seen.network}"] if seen.network else []
        return Told("", tuple(lines), f"raises {seen.findings[0].code}" if seen.findings else "")


def about(
    item: Question, options: tuple[Option, ...], word: str, advice: Advice | None, known: Mapping[str, Any]
) -> tuple[str, ...]:
    """What an option is, why it is recommended or cannot be chosen, and what was measured."""
    option = next(option for option in options if option.value == word)
    recommended = recommended_words(item, advice)
    lines = [f"{option.line.rstrip('.')}." if option.line else f"{item.help} It takes {item.expects}.".strip()]
    lines += [f"{option.warning[:1].upper()}{option.warning[1:]}."] if option.warning else []
    lines += [f"Cannot be chosen: {option.unavailable}"] if option.unavailable else []
    if advice and word in recommended:
        lines.append(f"Recommended: {advice.reason}.")
    ids = advice.evidence if advice and word in recommended and advice.evidence else option.evidence
    return (*lines, *measured(ids, known))


def measured(ids: tuple[str, ...], known: Mapping[str, Any]) -> tuple[str, ...]:
    """Of these effects the one measured under conditions most like those of the answers, with number and conditions."""
    if not ids:
        return ()
    from cnnwiz.knowledge import evidence

    norm = known.get("model.defaults.norm", "batch") not in ("none", "local_response")
    effect = min(map(evidence, ids), key=lambda effect: ("with batch norm" in effect.setting) != norm)
    return (f"Evidence: {effect.what}: {effect.points(' points')} ({effect.setting.split(',')[0]})",)


def recommended_words(item: Question, advice: Advice | None) -> tuple[str, ...]:
    """The recommended options."""
    if advice is None or item.kind not in ("choice", "several", "yes-no"):
        return ()
    return advice.value if isinstance(advice.value, tuple) else (item.show(advice.value),)
