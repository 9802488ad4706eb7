"""CNN230 idle-residual-option."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.rules.rule import Rule

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding


class IdleResidualOption(Rule):
    code = "CNN230"
    name = "idle-residual-option"
    severity = "error"
    what = "zero_gamma or stochastic_depth in a network where nothing obeys it."
    why = (
        "Both act at the end of residual bodies: zero_gamma on a norm that ends one, stochastic_depth on the body. "
        "Where there is none the network is the same without the key, and the file says something else."
    )
    do = (
        "Remove the key, or use residual layers; for zero_gamma in `order: conv-norm-act` with a norm that has a scale "
        "(batch, layer or group)."
    )
    abstains = "As soon as one residual body obeys."
    papers = ("arXiv:1706.02677", "arXiv:1603.09382")
    good = (
        """\
        cnnwiz: 1
        model:
          defaults: {zero_gamma: true, stochastic_depth: {rate: 0.1}}
          layers:
            - conv: {channels: 16}
            - basic: {channels: 16}
        """,
    )
    bad = (
        """\
        cnnwiz: 1
        model:
          defaults: {stochastic_depth: {rate: 0.1}}
          layers:
            - conv: {channels: 16}
        """,
        """\
        cnnwiz: 1
        model:
          defaults: {zero_gamma: true, order: norm-act-conv}
          layers:
            - conv: {channels: 16, order: conv-norm-act}
            - basic: {channels: 16}
            - norm
            - activation
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        defaults, where = subject.spec.model.defaults, ("model", "defaults")
        if subject.graph is None:
            return
        if defaults.stochastic_depth and all(node.kind != "stochastic_depth" for node in subject.nodes):
            message = "no layer has a residual body that stochastic_depth could leave out; remove the key"
            yield subject.finding(self, message, (*where, "stochastic_depth"))
        if defaults.zero_gamma and all(getattr(node.operation, "scale", 1) != 0 for node in subject.norms):
            message = "no residual body ends in a norm with a scale that zero_gamma could start at 0; remove the key"
            yield subject.finding(self, message, (*where, "zero_gamma"))
