"""What every choice and every part of a spec has in common. No choice lives here."""

# No module of the catalogue has `from __future__ import annotations`: it would make every annotation of 195 classes a
# string that pydantic compiles and evaluates while `cnnwiz` starts.
import re
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict


class Part(BaseModel):
    """A mapping with fixed keys: strict types, no unknown keys, frozen, finite numbers only."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, defer_build=True, allow_inf_nan=False)


class Choice(Part):
    """One documented choice: its word in YAML, its parameters, its reasons, and how it is built.

    The class docstring is the card that `cnnwiz explain` prints. Its first paragraph is the definition; later
    paragraphs open with a label: `Use:`, `Avoid:`, `Cost:`.
    """

    section: ClassVar[str]
    key: ClassVar[str]
    papers: ClassVar[tuple[str, ...]] = ()
    """Where it was published: `arXiv:1511.07289`, or authors, venue and year."""
    evidence: ClassVar[tuple[str, ...]] = ()
    """Ids of measured effects in `knowledge/evidence.yaml`."""
    conflicts: ClassVar[dict[str, str]] = {}
    """`section.key` of a choice it should not meet, and why."""

    @classmethod
    def card(cls) -> dict[str, str]:
        """The docstring by label: {"what": ..., "use": ..., "avoid": ..., "cost": ...}, lines joined."""
        card = {}
        for paragraph in (cls.__doc__ or "").strip().split("\n\n"):
            text = " ".join(paragraph.split())
            label = re.match(r"(Use|Avoid|Cost): ", text)
            name, text = (label[1].lower(), text[label.end() :]) if label else ("what", text)
            card[name] = f"{card[name]} {text}" if name in card else text
        return card


Choice.__annotations__.clear()  # else pydantic looks for fields among these class variables in each of its subclasses


def plain(value: Any, explicit: bool = False) -> Any:
    """A part as the data its YAML would hold: {name: parameters} for a choice, the bare name when there are none.

    Only what differs from the defaults, or with `explicit` every parameter that has a value.
    """
    if isinstance(value, Choice):
        parameters = _parameters(value, explicit)
        return {value.key: parameters} if parameters else value.key
    if isinstance(value, Part):
        return _parameters(value, explicit)
    if isinstance(value, (tuple, list)):
        return [plain(item, explicit) for item in value]
    return value


def _parameters(part: Part, explicit: bool) -> dict[str, Any]:
    found = {}
    for name, field in type(part).model_fields.items():
        value = getattr(part, name)
        if value is None or (not explicit and value == field.get_default(call_default_factory=True)):
            continue
        # A choice that stands under its own name (regularization.l2) needs no second one.
        own_name = isinstance(value, Choice) and value.key == name
        found[name] = _parameters(value, explicit) if own_name else plain(value, explicit)
    return found
