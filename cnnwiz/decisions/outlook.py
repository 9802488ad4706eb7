"""What an answer would lead to, before it is given: the network, what lint would say, which later answers would go."""

from __future__ import annotations

from typing import Any, NamedTuple

from cnnwiz.amounts import short
from cnnwiz.decisions.checks import findings_of
from cnnwiz.decisions.compose import Draft, draft
from cnnwiz.decisions.engine import answer
from cnnwiz.decisions.question import Answers, Question
from cnnwiz.errors import CnnwizError
from cnnwiz.spec.finding import Finding


class Outlook(NamedTuple):
    """The consequences of one answer."""

    refusal: str | None = None
    """Why it cannot be given."""
    network: str = ""
    """Size of the network in one line; empty while the data are open."""
    findings: tuple[Finding, ...] = ()
    """Errors and warnings of lint that the answers so far do not have."""
    dropped: tuple[tuple[str, str], ...] = ()
    """(key, why) of answers that would be asked again."""


def outlook(answers: Answers, item: Question, value: Any, known_findings: frozenset[str]) -> Outlook:
    """What follows from this value. `known_findings`: codes that the answers have without it."""
    try:
        change = answer(answers, item.key, value)
    except CnnwizError as error:
        return Outlook(refusal=str(error).removeprefix(f"{item.key}: "))
    if change.draft is None:
        return Outlook(dropped=change.dropped)
    findings = tuple(finding for finding in change.findings if finding.code not in known_findings)
    return Outlook(None, network_line(change.draft), findings, change.dropped)


def codes(answers: Answers) -> frozenset[str]:
    """The codes of what lint says about the answers so far."""
    made = draft(answers)
    return frozenset(finding.code for finding in findings_of(made)) if made else frozenset()


def network_line(made: Draft) -> str:
    """Parameters, multiply-adds, memory, maps and receptive field of a network in one line."""
    graph, training = made.graph, made.spec.training
    sides = [shape[-1] for node in graph.nodes if len(shape := node.output) == 3]
    maps = " > ".join(map(str, dict.fromkeys([graph.input[-1], *sides])))
    batch = training.micro_batch or training.batch_size
    kept = f"{short(graph.activation_bytes * batch, 'B')} of activations at batch {batch}"
    field = max(graph.receptive_field)
    return f"{graph.parameters:,} parameters, {short(graph.macs)} MACs, {kept}, maps {maps} px, field {field} px"
