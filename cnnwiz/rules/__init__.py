"""The rules, one file each, and how a spec is held against them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cnnwiz.rules.deep_plain_elu import DeepPlainElu
from cnnwiz.rules.elu_with_batch_norm import EluWithBatchNorm
from cnnwiz.rules.heavy_dropout_with_batch_norm import HeavyDropoutWithBatchNorm
from cnnwiz.rules.impossible_shape import ImpossibleShape, NetworkTooLarge
from cnnwiz.rules.reading import READING
from cnnwiz.rules.relu_without_norm import ReluWithoutNorm
from cnnwiz.rules.rule import Rule
from cnnwiz.rules.saturating_activation_without_norm import SaturatingActivationWithoutNorm
from cnnwiz.rules.step_schedule import StepSchedule
from cnnwiz.rules.subject import subject_of
from cnnwiz.rules.suppression import SUPPRESSION, suppressed
from cnnwiz.spec import Document, Finding, Spec
from cnnwiz.spec.finding import SEVERITIES, ordered

RULES: tuple[Rule, ...] = (
    ImpossibleShape(),
    ReluWithoutNorm(),
    EluWithBatchNorm(),
    SaturatingActivationWithoutNorm(),
    DeepPlainElu(),
    NetworkTooLarge(),
    StepSchedule(),
    HeavyDropoutWithBatchNorm(),
    *READING,
    *SUPPRESSION,
)
"""Every rule in the order of its code."""


def lint(spec: Spec) -> list[Finding]:
    """What could be better in a spec, the worst first. Findings name their place by its path, as there is no file."""
    subject = subject_of(spec)
    found = [finding for rule in RULES for finding in rule.check(subject)]
    return sorted(found, key=lambda finding: (SEVERITIES.index(finding.severity), finding.code))


def check(document: Document) -> list[Finding]:
    """What is wrong with a document or could be better in it, in its order, without what comments silence."""
    found = list(document.findings)
    if document.spec is not None:
        subject = subject_of(document.spec, document)
        found += [finding for rule in RULES for finding in rule.check(subject)]
    return ordered(suppressed(document, found, RULES))


def find(word: str) -> list[Rule]:
    """The rules that a code (CNN201), a name (relu-without-norm) or the beginning of a code (CNN2) stands for."""
    whole = [rule for rule in RULES if word in (rule.code, rule.name)]
    return whole or [rule for rule in RULES if len(word) > len("CNN") and rule.code.startswith(word)]


def selected(findings: Iterable[Finding], select: Sequence[str], ignore: Sequence[str]) -> list[Finding]:
    """The findings of the selected rules (of all, where none are), but for the ignored ones. Words as in `find`."""
    wanted = {rule.code for word in select for rule in find(word)} if select else {rule.code for rule in RULES}
    unwanted = {rule.code for word in ignore for rule in find(word)}
    return [finding for finding in findings if finding.code in wanted - unwanted]
