"""What there is to say about a choice, a section, a key or a rule, as data; `explain.py` prints it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from cnnwiz.catalog import SECTIONS, Section
from cnnwiz.catalog.choice import Choice, Part, plain
from cnnwiz.decisions import Answers, Question, before, place_of
from cnnwiz.knowledge import evidence
from cnnwiz.rules.rule import Rule
from cnnwiz.spec.guide import Key, dotted, example, path_of, place
from cnnwiz.spec.wording import expected
from cnnwiz.spec.write import flow

Card = dict[str, Any]
RULE_FIELDS = ("severity", "what", "why", "do", "abstains", "evidence", "papers", "since")


def of_choice(choice: type[Choice]) -> Card:
    """A choice: its reasons, parameters, conflicts, measured effects and papers."""
    title = next((section.title for section in SECTIONS if choice in section.choices), None)
    return {
        "kind": "choice",
        "name": f"{choice.section}.{choice.key}" if title else dotted(place(choice)),
        "title": title or "Key that is a choice",
        "place": dotted(place(choice)),
        **choice.card(),
        "parameters": [_parameter(choice, name) for name in choice.model_fields],
        "conflicts": choice.conflicts,
        "evidence": [asdict(evidence(id)) for id in choice.evidence],
        "papers": list(choice.papers),
        "example": example(choice),
    }


def of_section(section: Section) -> Card:
    """A section: where its choices are written, and each with its definition."""
    return {
        "kind": "section",
        "name": section.name,
        "title": section.title,
        "place": dotted(place(section.base)),
        "what": " ".join((section.base.__doc__ or "").split("\n\n")[0].split()),
        "choices": [{"name": choice.key, "what": choice.card()["what"]} for choice in section.choices],
    }


def of_key(key: Key) -> Card:
    """A key of the document: what it is, what it takes, its default, and the keys inside it."""
    parameter = _parameter(key.owner, key.name)
    section, inner = key.shape.section, key.shape.part
    return {
        "kind": "key",
        "name": path_of(key),
        "title": "Key of the spec",
        "what": parameter["description"],
        "takes": parameter["takes"],
        "default": parameter["default"],
        "section": section.name if section else None,
        "parameters": [_parameter(inner, name) for name in inner.model_fields] if inner else [],
        "example": example(key),
    }


def of_question(item: Question) -> Card:
    """A question of `cnnwiz new`: what it decides, what can be answered, and what is recommended for the digits."""
    known = before(Answers(), item.key)
    options = [{"name": option.value, "what": option.line} for option in item.choices(known)]
    field = place_of(item.key)
    return {
        "kind": "question",
        "name": item.key,
        "title": f"Question of cnnwiz new, {item.chapter}",
        "what": f"{item.prompt}{'' if item.prompt[-1] in '?.' else '.'} {item.help}".strip(),
        "takes": item.expects,
        "place": ".".join(map(str, field)),
        "example": f"cnnwiz new --set {item.key}={_possible(item, known)}",
        "choices": options,
        **asked(item),
    }


def asked(item: Question) -> Card:
    """From which level on a question is asked, and what is recommended for the digits that come with cnnwiz."""
    known = before(Answers(), item.key)
    advice = item.recommend(known) if item.when(known) else None
    return {
        "asked": f"{item.prompt} (--level {item.level})",
        "advised": f"{item.show(advice.value)}: {advice.reason} (for the embedded digits)" if advice else None,
    }


def _possible(item: Question, known: Mapping[str, Any]) -> str:
    """An answer: the recommended one, the first option, or a word for what only the user knows."""
    advice = item.recommend(known) if item.when(known) else None
    options = [option.value for option in item.choices(known)]
    return item.show(advice.value) if advice else str(options[0]) if options else "PATH"


def of_rule(rule: Rule) -> Card:
    """A rule of `cnnwiz lint`."""
    fields = {field: getattr(rule, field) for field in RULE_FIELDS}
    effects = [asdict(evidence(id)) for id in rule.evidence]
    return {"kind": "rule", "name": rule.name, "code": rule.code, **fields, "evidence": effects}


def _parameter(part: type[Part], name: str) -> Card:
    """One key: its name, what it takes, its default as YAML (None: without it), what it is."""
    field = part.model_fields[name]
    value = None if field.is_required() else field.get_default(call_default_factory=True)
    default = {} if isinstance(value, Choice) and value.key == name else plain(value)  # a key that is a choice itself
    return {
        "name": name,
        "takes": expected(part, name),
        "required": field.is_required(),
        "default": None if default is None else flow(default),
        "description": field.description,
    }
