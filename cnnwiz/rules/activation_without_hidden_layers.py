"""CNN216 activation-without-hidden-layers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.catalog.head import ConvHead, FlattenHead
from cnnwiz.rules.rule import Rule

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding


class ActivationWithoutHiddenLayers(Rule):
    code = "CNN216"
    name = "activation-without-hidden-layers"
    severity = "error"
    what = "An activation for hidden layers of a head that has none."
    why = "The value cannot be obeyed: nothing stands between the map and the scores."
    do = "Remove `activation`, or name `hidden` layers."
    abstains = "Never."
    good = (
        """\
        cnnwiz: 1
        model:
          layers:
            - conv: {channels: 16}
          head: flatten
        """,
    )
    bad = (
        """\
        cnnwiz: 1
        model:
          layers:
            - conv: {channels: 16}
          head: {flatten: {activation: elu}}
        """,
    )

    def check(self, subject: Subject) -> Iterator[Finding]:
        head = subject.spec.model.head
        if isinstance(head, (FlattenHead, ConvHead)) and head.activation is not None and not head.hidden:
            message = "the head has no hidden layers for this activation; remove it, or name hidden layers"
            yield subject.finding(self, message, ("model", "head", head.key, "activation"))
