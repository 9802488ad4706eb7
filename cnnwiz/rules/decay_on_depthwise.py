"""CNN335 decay-on-depthwise."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.rules.rule import Rule

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding

LITTLE = 4e-5  # of MobileNet


class DecayOnDepthwise(Rule):
    code = "CNN335"
    name = "decay-on-depthwise"
    severity = "info"
    what = "The L2 penalty also acts on depthwise filters."
    why = (
        "They hold so few weights (9 for each channel) that there is little to regularize: MobileNet's authors "
        "found it important to put very little or no decay on them. Later recipes do decay them."
    )
    do = "Write `skip: [norm, bias, depthwise]`."
    abstains = "With penalties of 4e-5 or less, as MobileNet has, and where no convolution is depthwise."
    papers = ("arXiv:1704.04861",)
    good = (
        """\
        cnnwiz: 1
        model:
          layers:
            - conv: {channels: 16, kind: separable}
        regularization: {l2: {factor: 0.0005, skip: [norm, bias, depthwise]}}
        """,
    )
    bad = (
        """\
        cnnwiz: 1
        model:
          layers:
            - conv: {channels: 16}
            - conv: {channels: 16, kind: separable}
        regularization: {l2: {factor: 0.0005}}
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        l2 = subject.spec.regularization.l2
        if l2 is None or l2.factor <= LITTLE or "depthwise" in l2.skip:
            return
        if any(parameter.role == "depthwise" for node in subject.nodes for parameter in node.parameters.values()):
            message = (
                f"the penalty {l2.factor:g} also acts on depthwise filters, which MobileNet decays little or not at "
                "all; add "
                "depthwise to skip"
            )
            yield subject.finding(self, message, ("regularization", "l2", "factor"))
