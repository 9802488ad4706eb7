"""The JSON Schema of a spec, generated from the classes, so that editors complete and explain."""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter

from cnnwiz.catalog import SECTIONS, Section
from cnnwiz.catalog.choice import Choice, Part
from cnnwiz.spec.document import Spec
from cnnwiz.spec.fields import Shape, limited, shape_of


def json_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) that accepts the documents `load` accepts, up to rules between keys."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "cnnwiz spec",
        **_part(Spec),
        "$defs": {section.name: _section(section) for section in SECTIONS},
    }


def _section(section: Section) -> dict[str, Any]:
    """A name, or a name with its parameters."""
    bare = [choice for choice in section.choices if not any(f.is_required() for f in choice.model_fields.values())]
    with_parameters = [
        {
            "type": "object",
            "properties": {
                choice.key: {"anyOf": [_part(choice), {"type": "null"}]} if choice in bare else _part(choice)
            },
            "required": [choice.key],
            "additionalProperties": False,
            "description": choice.card()["what"],
        }
        for choice in section.choices
    ]
    names = [{"const": choice.key, "description": choice.card()["what"]} for choice in bare]
    return {"title": section.title, "anyOf": [*names, *with_parameters]}


def _part(part: type[Part]) -> dict[str, Any]:
    fields = part.model_fields
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {name: _field(part, name) for name in fields},
        "additionalProperties": False,
    }
    required = [name for name, field in fields.items() if field.is_required()]
    if required:
        schema["required"] = required
    if issubclass(part, Choice):
        schema["description"] = part.card()["what"]
    return schema


def _field(part: type[Part], name: str) -> dict[str, Any]:
    field = part.model_fields[name]
    shape = shape_of(field.annotation)
    schema = _value(part, name) if shape.kind == "value" else _nested(shape)
    if shape.kind == "list":
        for limit in field.metadata:
            schema |= {"minItems": limit.min_length} if hasattr(limit, "min_length") else {}
            schema |= {"maxItems": limit.max_length} if hasattr(limit, "max_length") else {}
    return {**schema, "description": field.description or ""}


def _nested(shape: Shape) -> dict[str, Any]:
    if shape.section:
        return {"$ref": f"#/$defs/{shape.section.name}"}
    if shape.part:
        return _part(shape.part)
    assert shape.item is not None, "a list has items"
    return {"type": "array", "items": _nested(shape.item)}


def _value(part: type[Part], name: str) -> dict[str, Any]:
    """A scalar or list of scalars, as pydantic describes it; null is dropped because a key is left out instead."""
    field = part.model_fields[name]
    schema = TypeAdapter(limited(field)).json_schema()
    if "anyOf" in schema:
        options = [option for option in schema["anyOf"] if option != {"type": "null"}]
        schema = options[0] if len(options) == 1 else {**schema, "anyOf": options}
    default = field.get_default(call_default_factory=True)
    if isinstance(default, (bool, int, float, str)):
        schema["default"] = default
    return schema
