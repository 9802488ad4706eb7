"""CNN402 dropout-before-norm."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.rules.rule import Rule

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding

DROPPING = ("dropout", "gaussian_dropout", "spatial_dropout")
MIXING = ("conv", "linear", "add", "concat")  # operations behind which the variance is that of many values


class DropoutBeforeNorm(Rule):
    code = "CNN402"
    name = "dropout-before-norm"
    severity = "error"
    structural = True
    what = "A batch norm behind dropout."
    why = (
        "While training, dropout of rate p raises the variance by up to 1 / (1 - p); batch norm stores that "
        "variance, and applies it in evaluation, where there is no dropout."
    )
    do = "Put dropout behind the last batch norm."
    abstains = "With other norms. Where trained layers stand between, which mix the values, it is a warning."
    papers = ("arXiv:1801.05134",)
    good = (
        """\
        cnnwiz: 1
        model:
          layers:
            - conv: {channels: 16}
            - dropout: {rate: 0.2}
        """,
    )
    bad = (
        """\
        cnnwiz: 1
        model:
          layers:
            - conv: {channels: 16}
            - dropout: {rate: 0.2}
            - norm
        """,
        """\
        cnnwiz: 1
        model:
          layers:
            - conv: {channels: 16}
            - dropout: {rate: 0.2}
            - conv: {channels: 16}
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        directly, later = _before_norm(subject, MIXING), _before_norm(subject, ())
        for index, node in enumerate(subject.nodes):
            if node.kind not in DROPPING or index not in later:
                continue
            severity, where = ("error", "directly behind") if index in directly else ("warning", "behind")
            message = (
                f"a batch norm {where} this dropout stores the variance of training, which evaluation does not have; "
                "put dropout behind the last norm"
            )
            yield subject.finding(self, message, node.path, severity)


def _before_norm(subject: Subject, stopping: tuple[str, ...]) -> set[int]:
    """The nodes whose output reaches a batch norm without an operation of these kinds between."""
    found: set[int] = set()
    for index in reversed(range(len(subject.nodes))):
        for reader in subject.readers[index]:
            kind = subject.nodes[reader].kind
            if kind == "batch" or (kind not in stopping and reader in found):
                found.add(index)
    return found
