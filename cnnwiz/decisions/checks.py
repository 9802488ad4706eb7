"""What lint says about answers; about their images nothing, for that would read them again at each key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cnnwiz.decisions.compose import Draft
from cnnwiz.rules import lint
from cnnwiz.spec.document import Spec
from cnnwiz.spec.finding import Finding

NOWHERE = "\N{EMPTY SET}"
"""A path at which there are no images."""


def findings_of(made: Draft) -> tuple[Finding, ...]:
    """Errors and warnings about a draft, the worst first."""
    return tuple(finding for finding in lint(_unread(made)) if finding.severity != "info")


def _unread(made: Draft) -> Spec:
    """The spec with what is known about its images written out, and a path that leads nowhere."""
    data, (channels, side, _) = made.spec.data, made.graph.input
    if made.spec.data.source.key not in ("folder", "arrays"):
        return made.spec
    known: Mapping[str, Any] = {"channels": channels, "image_size": side, "classes": max(made.graph.classes, 2)}
    source = data.source.model_copy(update={"path": NOWHERE})
    return made.spec.model_copy(update={"data": data.model_copy(update={**known, "source": source})})
