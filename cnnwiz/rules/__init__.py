"""The rules, one file each, and how a spec is held against them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cnnwiz.graph import Graph
from cnnwiz.rules.of_data import DATA
from cnnwiz.rules.of_network import NETWORK
from cnnwiz.rules.of_training import TRAINING
from cnnwiz.rules.reading import READING
from cnnwiz.rules.repair import with_repair
from cnnwiz.rules.rule import Rule
from cnnwiz.rules.subject import subject_of, traced_subject
from cnnwiz.rules.suppression import SUPPRESSION, Silenced, divided, is_family, lasting
from cnnwiz.spec import Document, Finding, Spec
from cnnwiz.spec.finding import SEVERITIES, ordered, show_path

RULES: tuple[Rule, ...] = (*DATA, *NETWORK, *TRAINING, *READING, *SUPPRESSION)
"""Every rule in the order of its code."""


def lint(spec: Spec | Document) -> list[Finding]:
    """What is wrong with a spec or could be better in it, the worst first; of a document, what `check` says.

    Without a document findings name their place by `path` only.
    """
    if isinstance(spec, Document):
        return check(spec)
    subject = subject_of(spec)
    found = {finding for rule in RULES for finding in rule.check(subject)}
    return _worst_first(found)


def check(document: Document) -> list[Finding]:
    """What is wrong with a document or could be better in it, in its order, without what comments silence."""
    return examine(document)[0]


def examine(document: Document) -> tuple[list[Finding], list[Silenced]]:
    """What `check` says of a document, and what comments silence, with their reasons."""
    found = list(document.findings)
    if document.spec is not None:
        subject = subject_of(document.spec, document)
        found += [finding for rule in RULES for finding in rule.check(subject)]
    stay, silenced = divided(document, ordered(with_repair(finding, document) for finding in found), RULES)
    return ordered(stay), silenced


def lint_graph(graph: Graph) -> list[Finding]:
    """What a network's structure alone shows, the worst first: for a graph that was not made from a spec. The path of a
    finding names the layer."""
    subject = traced_subject(graph)
    found = {finding for rule in RULES if rule.structural for finding in rule.check(subject)}
    return _worst_first(found)


def _worst_first(findings: Iterable[Finding]) -> list[Finding]:
    return sorted(findings, key=lambda f: (SEVERITIES.index(f.severity), f.code, show_path(f.path)))


def find(word: str) -> list[Rule]:
    """The rules that a code (CNN201), a name (relu-without-norm) or the beginning of a code (CNN2) stands for."""
    whole = [rule for rule in RULES if word in (rule.code, rule.name)]
    return whole or [rule for rule in RULES if is_family(word) and rule.code.startswith(word)]


def selected(findings: Iterable[Finding], select: Sequence[str], ignore: Sequence[str]) -> list[Finding]:
    """The findings of the selected rules (of all, where none are), but for the ignored ones. Words as in `find`.

    Errors that leave no network to train are always among them: without one nothing else was looked at.
    """
    wanted = {rule.code for word in select for rule in find(word)} if select else {rule.code for rule in RULES}
    wanted -= {rule.code for word in ignore for rule in find(word)}
    return [finding for finding in findings if finding.code in wanted or lasting(finding)]
