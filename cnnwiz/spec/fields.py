"""What a field of a spec class may hold, read from its type: the one place that looks at annotations."""

from __future__ import annotations

import types
from functools import cache
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from cnnwiz.catalog import Section, section_of
from cnnwiz.catalog.choice import Part


class Shape(NamedTuple):
    """How the value of a field is written.

    kind: "choice" (a name, or a name with parameters), "part" (a mapping with fixed keys), "list" (of `item`) or
    "value" (a scalar, or a list of scalars that pydantic checks).
    """

    kind: str
    section: Section | None = None
    part: type[Part] | None = None
    item: Shape | None = None
    allowed: tuple[Any, ...] = ()


@cache  # asked for every key of every document
def shape_of(annotation: Any) -> Shape:
    """The shape of a field from its annotation; `X | None` is X, because a key without a value is never written."""
    options = [option for option in _options(annotation) if option is not type(None)]
    for option in options:
        if isinstance(option, type) and issubclass(option, Part):
            section = section_of(option)
            return Shape("choice", section=section) if section else Shape("part", part=option)
        if get_origin(option) is tuple and len(get_args(option)) == 2 and get_args(option)[1] is Ellipsis:
            item = shape_of(get_args(option)[0])
            if item.kind != "value":
                return Shape("list", item=item)
    allowed = tuple(value for option in options if get_origin(option) is Literal for value in get_args(option))
    return Shape("value", allowed=allowed)


def limited(field: FieldInfo) -> Any:
    """The annotation of a field together with its limits, for pydantic."""
    annotated: Any = field.annotation
    for limit in field.metadata:
        annotated = Annotated[annotated, limit]
    return annotated


def _options(annotation: Any) -> list[Any]:
    """The members of a union, without the constraints around them."""
    if get_origin(annotation) is Annotated:
        return _options(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        return [option for member in get_args(annotation) for option in _options(member)]
    return [annotation]
