"""`cnnwiz explain`: what a choice, a key or a rule is, when to use it, and the numbers behind that."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal

import typer

if TYPE_CHECKING:
    from cnnwiz.rules.rule import Rule

INDENT = 11
"""Columns of the labels; texts stand behind them."""


def explain(
    name: str = typer.Argument(
        None, help="A choice, section, key, question or rule, as elu or training.ema. Default: list."
    ),
    output_format: Literal["table", "json"] = typer.Option("table", "--output-format", help="Text, or JSON."),
) -> None:
    """Explain a choice, a key of the spec, a question or a rule: what, when, when not, what was measured.

    A question and an answer, as architecture.stem=pooled, give the page of the answer.

    Example: cnnwiz explain elu
    """
    import json

    cards, rules = _found(name) if name else (_everything(), [])
    if output_format == "json":
        from cnnwiz.cli.card import of_rule

        print(json.dumps([*cards, *map(of_rule, rules)], indent=2, ensure_ascii=False))
        return
    print(_pages(cards, rules) if name else _overview(cards), end="")


def page_of(name: str) -> str:
    """The text about everything that has this name. Raises CnnwizError with the nearest names where nothing has."""
    return _pages(*_found(name))


def _pages(cards: list[dict[str, Any]], rules: list[Rule]) -> str:
    from cnnwiz.cli.plain import columns
    from cnnwiz.rules.page import rule_page

    return "\n".join([*(_page(card, columns()) for card in cards), *map(rule_page, rules)])


def _found(name: str) -> tuple[list[dict[str, Any]], list[Rule]]:
    """Everything that has this name. Raises CnnwizError with the nearest names where nothing has."""
    from cnnwiz.catalog import SECTIONS, find
    from cnnwiz.cli.card import asked, of_choice, of_key, of_question, of_section
    from cnnwiz.decisions import QUESTIONS
    from cnnwiz.rules import RULES
    from cnnwiz.spec.guide import Key, resolve

    if "=" in name:
        return _answered(*name.split("=", 1))
    cards = [of_section(section) for section in SECTIONS if section.name == name]
    cards += [of_choice(choice) for choice in find(name)]
    key = resolve(name)
    if isinstance(key, Key) and not cards:
        cards.append(of_key(key))
    elif isinstance(key, type) and not cards:
        cards.append(of_choice(key))
    questions = {item.key: item for item in QUESTIONS}
    cards = [{**card, **asked(questions[card["name"]])} if card["name"] in questions else card for card in cards]
    if name in questions and not cards:
        cards = [of_question(questions[name])]
    rules = [rule for rule in RULES if name in (rule.name, rule.code)]
    if not cards and not rules:
        raise _unknown(name)
    return cards, rules


def _answered(key: str, word: str) -> tuple[list[dict[str, Any]], list[Rule]]:
    """The pages of an answer: those of the choice it names, else that of the question."""
    from cnnwiz.decisions import Answers, before, question

    item = question(key)
    _, problem = item.read(word, before(Answers(), key))
    option = next((found for found in item.choices(before(Answers(), key)) if found.value == word), None)
    if option is None and problem:
        from cnnwiz.errors import CnnwizError

        raise CnnwizError(f"{key}: {problem}")
    return _found(option.card if option and option.card else key)


def _unknown(name: str) -> Exception:
    from difflib import get_close_matches

    from cnnwiz.catalog import PARTS, SECTIONS
    from cnnwiz.decisions import QUESTIONS
    from cnnwiz.errors import CnnwizError
    from cnnwiz.rules import RULES
    from cnnwiz.spec.guide import keys, path_of

    choices = [choice for section in SECTIONS for choice in section.choices] + list(PARTS)
    known = [word for choice in choices for word in (choice.key, f"{choice.section}.{choice.key}")]
    known += [section.name for section in SECTIONS] + [path_of(key) for key in keys()]
    known += [word for rule in RULES for word in (rule.code, rule.name)]
    known += [item.key for item in QUESTIONS]
    close = get_close_matches(name[:100], sorted(set(known)), n=3)
    hint = f"did you mean {' or '.join(close)}?" if close else "cnnwiz explain lists all names"
    return CnnwizError(f"nothing is called {name[:100]!r}; {hint}")


def _everything() -> list[dict[str, Any]]:
    """The sections with their choices, the keys, the questions that are no keys, and the rules."""
    from cnnwiz.catalog import PARTS, SECTIONS
    from cnnwiz.cli.card import of_section
    from cnnwiz.decisions import QUESTIONS
    from cnnwiz.rules import RULES
    from cnnwiz.spec.guide import dotted, keys, path_of, place, resolve

    spec_keys = [{"name": path_of(key), "what": key.owner.model_fields[key.name].description} for key in keys()]
    asked = [{"name": item.key, "what": item.prompt} for item in QUESTIONS if resolve(item.key) is None]
    parts = [{"name": dotted(place(choice)), "what": choice.card()["what"]} for choice in PARTS]
    return [
        *(of_section(section) for section in SECTIONS),
        {"kind": "section", "name": "parts", "title": "Keys that are choices", "place": "", "choices": parts},
        {"kind": "section", "name": "keys", "title": "Keys of the spec", "place": "", "choices": spec_keys},
        {"kind": "section", "name": "questions", "title": "Questions beside", "place": "", "choices": asked},
        {"kind": "rules", "rules": [{"name": r.name, "code": r.code, "what": r.what} for r in RULES]},
    ]


def _overview(cards: list[dict[str, Any]]) -> str:
    """Every name there is to explain."""
    from cnnwiz.cli.plain import columns

    width, lines = columns(), []
    for card in cards:
        if card["kind"] == "rules":
            lines += ["", "Rules (cnnwiz rules says what each is about)"]
            lines.append(_filled("  ", ", ".join(rule["name"] for rule in card["rules"]), width))
        else:
            place = f" ({card['place']})" if card["place"] else ""
            lines += ["", f"{card['title']}{place}"]
            lines.append(_filled("  ", ", ".join(choice["name"] for choice in card["choices"]), width))
    return "\n".join(lines[1:]) + "\n\nOne of them at length: cnnwiz explain NAME\n"


def _page(card: dict[str, Any], width: int) -> str:
    """A card as text: a heading, then its parts in one order."""
    head, about = card["name"], card["title"]
    lines = [f"{head}{about:>{max(width - len(head), len(about) + 2)}}", ""]
    for label in ("what", "use", "avoid", "cost", "takes", "default", "asked", "advised"):
        if card.get(label) not in (None, "", "{}"):
            lines.append(_filled(f"{label.capitalize():<{INDENT}}", card[label], width))
    if card.get("place") not in (None, card["name"]):
        lines.append(_filled(f"{'Key':<{INDENT}}", card["place"], width))
    lines += [line for part in (_choices, _parameters, _conflicts, _evidence) for line in part(card, width)]
    if card.get("papers"):
        lines += ["", _filled(f"{'Papers':<{INDENT}}", "; ".join(card["papers"]), width)]
    if card.get("section"):
        lines += ["", f"{'More':<{INDENT}}cnnwiz explain {card['section']}"]
    if card.get("example"):
        lines += ["", f"{'Example':<{INDENT}}{card['example']}"]
    return "\n".join(lines) + "\n"


def _choices(card: dict[str, Any], width: int) -> Iterator[str]:
    """One line or more for each choice of a section."""
    choices = card.get("choices", [])
    column = max((len(choice["name"]) for choice in choices), default=0) + 2
    for number, choice in enumerate(choices):
        yield from [""] if number == 0 else []
        yield _filled(f"  {choice['name']:<{column}}", choice["what"], width)


def _parameters(card: dict[str, Any], width: int) -> Iterator[str]:
    """Each parameter with its default, then what it is and takes below."""
    parameters = card.get("parameters", [])
    for number, parameter in enumerate(parameters):
        if number == 0:
            yield from ("", "Parameters" if card["kind"] == "choice" else "Keys")
        default = "required" if parameter["required"] else parameter["default"] or "not set"
        yield _filled("  ", f"{parameter['name']}: {default}", width)
        yield _filled("      ", f"{parameter['description']}; {parameter['takes']}", width)


def _conflicts(card: dict[str, Any], width: int) -> Iterator[str]:
    for number, (other, reason) in enumerate(card.get("conflicts", {}).items()):
        yield from ("", "Conflicts") if number == 0 else ()
        yield _filled("  ", f"{other}: {reason}", width)


def _evidence(card: dict[str, Any], width: int) -> Iterator[str]:
    """Measured effects, those of one setting together."""
    effects = card.get("evidence", [])
    for number, setting in enumerate(dict.fromkeys(effect["setting"] for effect in effects)):
        yield from ("", "Evidence   in points of top-1 accuracy, one run each") if number == 0 else ()
        yield _filled("  ", f"{setting}:", width)
        for effect in (effect for effect in effects if effect["setting"] == setting):
            points = "no start" if effect["effect_pp"] is None else f"{effect['effect_pp']:+.1f}"
            yield _filled(f"  {points:>8}  ", f"{effect['what']} ({effect['source']}, {effect['status']})", width)


def _filled(start: str, text: str, width: int) -> str:
    """Text behind `start`, wrapped to `width`; further lines begin below its first word."""
    import textwrap

    indent = " " * len(start)
    return textwrap.fill(
        text, width, initial_indent=start, subsequent_indent=indent, break_on_hyphens=False, break_long_words=False
    )
