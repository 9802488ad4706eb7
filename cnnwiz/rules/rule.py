"""What every rule has in common. No rule lives here."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding, Severity


class Rule(ABC):
    """One mistake: how it is recognized, why it is one, and the numbers that say so.

    The class variables are the page that `cnnwiz explain CODE` prints; `good` and `bad` are its examples and its tests.
    A rule is conditional: it says nothing outside the conditions its evidence was measured in.
    """

    code: ClassVar[str]
    """CNN and three digits; never reused. 1xx data, 2xx network, 3xx optimization, 4xx augmentation and regularization,
    9xx the file itself."""
    name: ClassVar[str]
    """The mistake in kebab-case; it reads well after "allow"."""
    severity: ClassVar[Severity]
    """error: does not run, or lost 3 points or more; warning: lost 1 to 3 points; info: less, or a matter of taste."""
    what: ClassVar[str]
    why: ClassVar[str]
    do: ClassVar[str]
    abstains: ClassVar[str]
    """When it says nothing although the pattern is there."""
    evidence: ClassVar[tuple[str, ...]] = ()
    """Ids of measured effects in `knowledge/evidence.yaml`."""
    papers: ClassVar[tuple[str, ...]] = ()
    good: ClassVar[tuple[str, ...]]
    """Specs it finds nothing in; the first one is shown as what to write instead."""
    bad: ClassVar[tuple[str, ...]]
    """Specs in which it, and no other rule, finds something."""
    files: ClassVar[Mapping[str, bytes]] = MappingProxyType({})
    """Files that the bad specs read, by path from the current directory."""
    structural: ClassVar[bool] = False
    """Whether it needs a network's operations only, so that it also works on a torch module without a spec."""
    since: ClassVar[str] = "0.1"

    @abstractmethod
    def check(self, subject: Subject) -> Iterator[Finding]:
        """A finding for each place where the mistake is made."""
