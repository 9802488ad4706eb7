"""CNN306 decay-on-norm."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.rules.rule import Rule

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding


class DecayOnNorm(Rule):
    code = "CNN306"
    name = "decay-on-norm"
    severity = "info"
    what = "Weight decay also acts on the scales and shifts of norms, or on biases."
    why = (
        "Decay is to keep the function smooth; pulling a norm's scale or a bias to zero only shrinks the signal. "
        "Published recipes differ, and the gain was measured only together with others."
    )
    do = "Leave `skip` out: norms and biases are spared by default."
    abstains = "Without L2 penalty, and for norms where there is none."
    papers = ("arXiv:1812.01187", "arXiv:1706.05350")
    good = (
        """\
        cnnwiz: 1
        model:
          layers:
            - conv: {channels: 16}
        regularization: {l2: {factor: 0.0005}}
        """,
    )
    bad = (
        """\
        cnnwiz: 1
        model:
          layers:
            - conv: {channels: 16}
        regularization: {l2: {factor: 0.0005, skip: []}}
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        l2 = subject.spec.regularization.l2
        if l2 is None or l2.factor == 0:
            return
        roles = {parameter.role for node in subject.nodes for parameter in node.parameters.values()}
        decayed = [role for role in ("norm", "bias") if role in roles and role not in l2.skip]
        if decayed:
            message = f"the L2 penalty also pulls parameters of role {' and '.join(decayed)} to zero; add them to skip"
            yield subject.finding(self, message, ("regularization", "l2", "skip"))
