"""Random valid specs for hypothesis, made from the catalogue's own classes by the types of their fields.

`specs()` draws any document that loads; `networks()` draws specs whose network exists and is small enough to build.
"""

from __future__ import annotations

import types
from functools import cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from hypothesis import HealthCheck, assume, reject, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from cnnwiz.catalog import section_of
from cnnwiz.catalog.choice import Part
from cnnwiz.catalog.head import AverageHead, FlattenHead
from cnnwiz.catalog.layer import Layer
from cnnwiz.catalog.layers import Conv
from cnnwiz.catalog.source import Digits
from cnnwiz.graph import Graph, graph_of
from cnnwiz.spec.document import Data, Defaults, Model, Spec

SPREAD = 6
"""Whole numbers are drawn from their lower limit up to this much above it."""
WRITTEN = st.sampled_from([False, False, True])
"""Whether a field that has a default gets a value."""
MOST_PARAMETERS = 300_000
MOST_NODES = 150
READABLE = st.characters(exclude_categories=["Cc", "Cs"])
"""What a document may hold: control characters are refused, even as escapes."""
unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""For tests that draw specs: the first ones build pydantic's validators, which takes a second on a busy machine."""
PAIRS = st.sampled_from([(1, 3), (3, 1), (2, 3)])
LAYER_FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "channels": st.sampled_from([4, 6, 8, 12, 16]),
    "width": st.sampled_from([None, 2, 4, 8]),
    "features": st.integers(1, 16),
    "kernel": st.sampled_from([1, 2, 3, 3, 5]) | PAIRS,
    "stride": st.sampled_from([1, 1, 1, 2, (2, 1)]),
    "padding": st.sampled_from(["same", "same", "valid", 0, 1, (1, 0), (0, 1, 1, 0)]),
    "dilation": st.sampled_from([1, 1, 2, (1, 2)]),
    "groups": st.sampled_from([1, 1, 1, 2, 4]),
    "repeat": st.sampled_from([1, 1, 2]),
    "times": st.sampled_from([1, 2]),
}
"""Sizes that make possible networks likely; a field of a layer that is not here is drawn from its whole type."""


def specs() -> st.SearchStrategy[Spec]:
    """Any spec that loads, whatever its network."""
    return parts(Spec, nesting=2, cnnwiz=st.just(1))


@st.composite
def networks(draw: st.DrawFn, nesting: int = 2) -> Spec:
    """A spec whose network exists: images of 8 to 32 px, at most MOST_NODES nodes and MOST_PARAMETERS parameters."""
    data = Data(
        source=Digits(),
        image_size=draw(st.integers(8, 32)),
        channels=draw(st.sampled_from([1, 3])),
        classes=draw(st.integers(2, 12)),
    )
    spec = draw(parts(Spec, nesting, cnnwiz=st.just(1), data=st.just(data)))
    spec, graph = possible(spec)
    assume(len(graph.nodes) <= MOST_NODES and graph.parameters <= MOST_PARAMETERS)
    return spec


def possible(spec: Spec) -> tuple[Spec, Graph]:
    """The spec without the layers that cannot follow those before them."""
    while True:
        graph = graph_of(spec)
        if graph.finding is None:
            return spec, graph
        place = graph.finding.path
        layers, head, defaults = list(spec.model.layers), spec.model.head, spec.model.defaults
        inputs = list(spec.model.input)
        if place[1] == "head":
            head = FlattenHead() if head.key == AverageHead.key else AverageHead()
        else:
            del (inputs if place[1] == "input" else layers)[int(place[2])]
        if not layers:  # nothing can follow with these defaults, such as 32 groups for 4 channels
            layers, defaults = [Conv(channels=4)], Defaults()
        model = Model(defaults=defaults, input=tuple(inputs), layers=tuple(layers), head=head)
        spec = spec.model_copy(update={"model": model})


@st.composite
def parts(draw: st.DrawFn, cls: type[Part], nesting: int = 1, **given: st.SearchStrategy[Any]) -> Any:
    """An instance of a part or choice; `given` strategies stand in for fields. `nesting`: depth of layers in layers."""
    values = {}
    for name, field in cls.model_fields.items():
        if name in given:
            values[name] = draw(given[name])
        elif field.is_required() or draw(WRITTEN):
            values[name] = draw(field_values(cls, name, nesting))
    try:
        return cls(**values)
    except ValidationError:
        reject()


@cache
def choices(base: type, nesting: int = 1) -> st.SearchStrategy[Any]:
    """Any choice of the section whose base class this is."""
    section = section_of(base)
    assert section is not None, f"{base} is no section's base"
    classes = [cls for cls in section.choices if nesting > 0 or not _holds_layers(cls)]
    return st.sampled_from(classes).flatmap(lambda cls: parts(cls, nesting - 1 if _holds_layers(cls) else nesting))


@cache
def field_values(cls: type[Part], name: str, nesting: int = 1) -> st.SearchStrategy[Any]:
    """Values for one field of a part."""
    field = cls.model_fields[name]
    if issubclass(cls, Layer) and name in LAYER_FIELDS:
        return LAYER_FIELDS[name]
    return values_of(field.annotation, tuple(field.metadata), nesting)


def values_of(annotation: Any, limits: tuple[Any, ...], nesting: int) -> st.SearchStrategy[Any]:
    """Values of a type within pydantic's limits."""
    origin, members = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        inner = tuple(m for extra in members[1:] for m in (extra.metadata if isinstance(extra, FieldInfo) else [extra]))
        return values_of(members[0], (*inner, *limits), nesting)
    if origin in (Union, types.UnionType):
        return st.one_of([values_of(member, limits, nesting) for member in members])
    if origin is Literal:
        return st.sampled_from(members)
    if origin is tuple:
        return _tuples(members, limits, nesting)
    if annotation is type(None):
        return st.none()
    if issubclass(annotation, Part):
        return choices(annotation, nesting) if section_of(annotation) else parts(annotation, nesting)
    return _scalars(annotation, limits)


def _tuples(members: tuple[Any, ...], limits: tuple[Any, ...], nesting: int) -> st.SearchStrategy[Any]:
    if members[-1] is not Ellipsis:
        values = st.tuples(*(values_of(member, (), nesting) for member in members))
        ordered = all(getattr(member, "__origin__", member) is float for member in members)
        return values.map(lambda pair: tuple(sorted(pair))) if ordered else values
    least = _limit(limits, "min_length", 0)
    most = min(_limit(limits, "max_length", 2 + nesting), max(least, 1 + nesting))
    return st.lists(values_of(members[0], (), nesting), min_size=least, max_size=most).map(tuple)


def _scalars(kind: type, limits: tuple[Any, ...]) -> st.SearchStrategy[Any]:
    if kind is bool:
        return st.booleans()
    if kind is str:
        pattern = _limit(limits, "pattern", None)
        if pattern:
            return st.from_regex(pattern, fullmatch=True).filter(lambda text: len(text) <= 80)
        return st.text(READABLE, min_size=_limit(limits, "min_length", 0), max_size=12)
    low, high = _limit(limits, "ge", _limit(limits, "gt", None)), _limit(limits, "le", _limit(limits, "lt", None))
    open_low, open_high = _limit(limits, "gt", None) is not None, _limit(limits, "lt", None) is not None
    if kind is int:
        low = (low or 0) + open_low
        return st.integers(low, low + SPREAD if high is None else min(high - open_high, low + SPREAD))
    return st.floats(low, high, exclude_min=open_low, exclude_max=open_high, allow_nan=False, allow_infinity=False)


def _limit(limits: tuple[Any, ...], name: str, otherwise: Any) -> Any:
    return next((value for limit in limits if (value := getattr(limit, name, None)) is not None), otherwise)


def _holds_layers(cls: type[Part]) -> bool:
    return any(Layer in _inside(field.annotation) for field in cls.model_fields.values())


def _inside(annotation: Any) -> set[Any]:
    return {annotation} | {found for member in get_args(annotation) for found in _inside(member)}
