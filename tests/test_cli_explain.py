"""`cnnwiz explain`: a page for every name that a user can write, with an example that parses."""

from __future__ import annotations

import json

import pytest
import yaml

from cnnwiz.__main__ import run
from cnnwiz.catalog import PARTS, SECTIONS
from cnnwiz.knowledge import evidence
from cnnwiz.rules import RULES
from cnnwiz.spec import Spec, parse_text
from cnnwiz.spec.guide import Key, example, keys, path_of, resolve
from cnnwiz.spec.write import flow

CHOICES = [choice for section in SECTIONS for choice in section.choices] + list(PARTS)
ALL_KEYS = keys() + [Key(choice, name) for choice in CHOICES for name in choice.model_fields]
SHORTEST = {"cnnwiz": 1, "model": {"layers": [{"conv": {"channels": 8}}]}}


def choice_id(choice):
    return f"{choice.section}.{choice.key}"


def text_of(capsys, *words: str) -> str:
    assert run(["explain", *words]) == 0
    return capsys.readouterr().out


def merged(base, more):
    """Mappings joined key by key; anything else is replaced."""
    if isinstance(base, dict) and isinstance(more, dict):
        return {key: merged(base.get(key), more[key]) if key in more else base[key] for key in {**base, **more}}
    return more


def parsed(line: str) -> Spec:
    """The shortest spec together with an example line."""
    document = merged(SHORTEST, yaml.safe_load(line))
    found = parse_text("".join(f"{key}: {flow(value)}\n" for key, value in document.items()))
    assert found.spec is not None, (line, [finding.message for finding in found.findings])
    return found.spec


@pytest.mark.parametrize("choice", CHOICES, ids=choice_id)
def test_every_choice_has_a_page(choice, capsys):
    text = text_of(capsys, choice_id(choice))
    flat = " ".join(text.split())
    for part in choice.card().values():
        assert " ".join(part.split()) in flat
    for name, field in choice.model_fields.items():
        assert f"{name}: " in text
        assert field.description in flat
    for other, reason in choice.conflicts.items():
        assert f"{other}: {reason}" in flat
    for id in choice.evidence:
        effect = evidence(id).effect_pp
        assert ("no start" if effect is None else f"{effect:+.1f}") in text
    assert all(paper in flat for paper in choice.papers)
    assert all(len(line) <= 80 or line.startswith("Example") for line in text.splitlines())
    assert text_of(capsys, choice.key).count(text) == 1


@pytest.mark.parametrize("choice", CHOICES, ids=choice_id)
def test_the_example_of_a_choice_parses_and_holds_it(choice, capsys):
    line = example(choice)
    assert f"Example    {line}\n" in text_of(capsys, choice_id(choice))
    assert choice.key in line
    parsed(line)


@pytest.mark.parametrize("key", ALL_KEYS, ids=path_of)
def test_every_key_has_a_page_and_an_example_that_parses(key, capsys):
    assert key.name in example(key)
    parsed(example(key))
    text = text_of(capsys, path_of(key))
    if isinstance(resolve(path_of(key)), Key) and not text.startswith(tuple(section.name for section in SECTIONS)):
        assert " ".join(key.owner.model_fields[key.name].description.split()) in " ".join(text.split())


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.name)
def test_every_section_lists_its_choices(section, capsys):
    text = text_of(capsys, section.name)
    assert text.startswith(section.name)
    assert all(f"\n  {choice.key} " in text for choice in section.choices)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_every_rule_has_a_page_by_code_and_by_name(rule, capsys):
    assert text_of(capsys, rule.code) == text_of(capsys, rule.name)
    assert text_of(capsys, rule.code).startswith(f"{rule.code} {rule.name}")


def test_without_a_name_everything_is_listed(capsys):
    words = set(text_of(capsys).replace(",", " ").split())
    assert {choice.key for section in SECTIONS for choice in section.choices} <= words
    assert {rule.name for rule in RULES} <= words
    assert {"regularization.l2"} <= words


@pytest.mark.parametrize(
    ("name", "starts"),
    [
        ("training.ema", "training.ema "),
        ("model.layers[3].conv.stride", "model.layers.conv.stride "),
        ("conv.stride", "model.layers.conv.stride "),
        ("layer.conv.stride", "model.layers.conv.stride "),
        ("optimizer.sgd.lr", "optimizer.sgd.lr "),
        ("optimizer.sgd", "optimizer.sgd "),
        ("model.layers.residual.shortcut.pad", "shortcut.pad "),
        ("regularization.l2", "regularization.l2 "),
        ("l2", "regularization.l2 "),
        ("regularization.l2.factor", "regularization.l2.factor "),
    ],
)
def test_names_by_their_place(name, starts, capsys):
    assert text_of(capsys, name).startswith(starts)


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("eluu", "elu"),
        ("activation.rely", "activation.relu"),
        ("optimiser", "optimizer"),
        ("training.epocs", "training.epochs"),
        ("CNN2011", "CNN201"),
        ("relu-without-nrom", "relu-without-norm"),
    ],
)
def test_unknown_names_stop_with_the_nearest(name, near, capsys):
    assert run(["explain", name]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert near in err
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize("name", ["", ".", "..", "a.b.c", "x" * 10_000, "\x1b[31m", "[red]", "model..layers", "elu."])
def test_strange_names_stop_with_one_line(name, capsys):
    assert run(["explain", name, "--output-format", "json"]) in ((0, 2) if not name else (2,))
    err = capsys.readouterr().err
    assert "\x1b" not in err
    assert len(err) < 400


def test_json_holds_the_numbers(capsys):
    (card,) = json.loads(text_of(capsys, "elu", "--output-format", "json"))
    assert (card["kind"], card["name"], card["place"]) == ("choice", "activation.elu", "model.defaults.activation")
    assert [effect["effect_pp"] for effect in card["evidence"]] == [1.7, -0.1, None]
    assert card["parameters"][0]["default"] == "1.0"
    cards = json.loads(text_of(capsys, "--output-format", "json"))
    assert {choice["name"] for card in cards for choice in card.get("choices", [])} >= {"elu", "regularization.l2"}
    (rule,) = json.loads(text_of(capsys, "CNN201", "--output-format", "json"))
    assert (rule["kind"], rule["code"]) == ("rule", "CNN201")
