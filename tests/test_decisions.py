"""The questions and the engine, driven with plain lists: no terminal anywhere."""

from __future__ import annotations

import random
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import unhurried

from cnnwiz.catalog import PARTS, SECTIONS
from cnnwiz.decisions import (
    LEVELS,
    QUESTIONS,
    Answers,
    answer,
    back,
    before,
    defaults,
    missing,
    next_question,
    plan,
    question,
    reasons,
    spec_from,
    take,
)
from cnnwiz.errors import CnnwizError
from cnnwiz.graph import graph_of
from cnnwiz.knowledge import evidence
from cnnwiz.rules import lint
from cnnwiz.spec import parse_text
from cnnwiz.spec.write import write

SOURCES = [
    {},
    {"data.source": "cifar10", "data.path": "there"},
    {"data.source": "mnist", "data.path": "there"},
    {"data.source": "imagenette", "data.path": "there"},
    {"data.source": "folder", "data.path": "not there", "data.classes": "7"},
]
NOT_DECIDED_BY_ONE_WORD = {"input", "layer", "shortcut"}
"""Sections without a question: layers come from the architecture, shortcuts keep the layers' default."""
PARTS_WITHOUT_QUESTION = {"rates"}
"""Learning rates of single roles are a mapping, which is written into the file."""


def given_texts(texts: dict[str, str]) -> Answers:
    answers, problems = take(texts)
    assert problems == []
    return answers


def walk(level, draw, answers=None) -> Answers:
    """Answer every question of a level by `draw(question, known)`, and as recommended where that is refused."""
    answers = answers or Answers()
    while item := next_question(answers, level):
        known = before(answers, item.key)
        try:
            answers = answer(answers, item.key, draw(item, known)).answers
        except CnnwizError as error:
            if not re.search(r"no network can be made|: CNN\d{3}: ", str(error)):  # impossible, or an error to lint
                raise
            answers = answer(answers, item.key, recommended(item, known)).answers
    return answers


def known() -> dict[str, object]:
    return before(Answers())


def recommended(item, known):
    return item.recommend(known).value


def typed(texts: dict[str, str]) -> dict[str, object]:
    return dict(given_texts(texts))


# The table of questions


def test_keys_are_unique_and_every_section_has_its_question():
    keys = [item.key for item in QUESTIONS]
    assert len(keys) == len(set(keys))
    offered = {tuple(option.value for option in item.choices(before(Answers(), item.key))) for item in QUESTIONS}
    for section in SECTIONS:
        if section.name not in NOT_DECIDED_BY_ONE_WORD:
            assert tuple(choice.key for choice in section.choices) in offered, section.name
    parts = {option.value for item in QUESTIONS if item.key == "regularization" for option in item.choices(known())}
    asked = parts | {item.key.split(".")[-2] for item in QUESTIONS if item.key.count(".") >= 2}
    assert {choice.key for choice in PARTS} - PARTS_WITHOUT_QUESTION <= asked


def test_keys_are_places_in_the_spec():
    """Answered with something that is not the default, a key stands in the file where its name says."""
    answers = given_texts({"data.validation.fraction": "0.25", "optimizer": "adam", "optimizer.adam.beta2": "0.98"})
    spec = spec_from(answers)
    assert spec.data.validation.fraction == 0.25
    assert spec.optimizer.beta2 == 0.98  # type: ignore[attr-defined]


@pytest.mark.parametrize("texts", SOURCES, ids=lambda texts: texts.get("data.source", "digits"))
def test_recommended_answers_are_allowed_and_explained(texts):
    answers = given_texts(texts)
    for item in plan(answers, "all"):
        known = before(answers, item.key)
        advice = item.recommend(known)
        if advice is None:
            assert item.key in ("data.path", "data.classes")
            continue
        assert item.problem(advice.value, known) is None, item.key
        assert item.read(item.show(advice.value), known) == (advice.value, None), item.key
        assert 8 <= len(advice.reason) <= 56, f"{item.key}: {advice.reason}"


@pytest.mark.parametrize("texts", SOURCES, ids=lambda texts: texts.get("data.source", "digits"))
def test_points_in_reasons_are_those_of_the_evidence(texts):
    for norm in ("batch", "none"):
        answers = given_texts({**texts, "model.defaults.norm": norm, "model.head": "flatten"})
        for item in plan(answers, "all"):
            advice = item.recommend(before(answers, item.key))
            if advice is None or " points" not in advice.reason:
                continue
            measured = {abs(evidence(id).effect_pp or 0) for id in advice.evidence}
            said = re.search(r"((?:[\d.]+ to )?[\d.]+) points", advice.reason)
            assert said, advice.reason
            assert {float(number) for number in said[1].split(" to ")} == measured, advice.reason


def test_every_question_and_option_has_its_words():
    for item in QUESTIONS:
        assert not item.prompt[0].islower(), item.key
        for option in item.choices(before(Answers(), item.key)):
            assert option.line or item.level == "all", f"{item.key}={option.value}"
            assert len(option.line) <= 400


def test_levels_grow():
    sizes = [len(plan(Answers(), level)) for level in LEVELS]
    assert sizes[0] == 1
    assert 8 <= sizes[1] <= 14
    assert sizes[2] > 30


def test_questions_with_one_possible_answer_are_not_asked():
    for level in LEVELS:
        for item in plan(Answers(), level):
            if item.kind == "choice":
                assert sum(not option.unavailable for option in item.choices(before(Answers(), item.key))) > 1


# Walking


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("texts", SOURCES, ids=lambda texts: texts.get("data.source", "digits"))
def test_accepting_everything_equals_the_defaults(texts, level):
    given_answers = given_texts(texts)
    walked = walk(level, recommended, given_answers)
    spec = spec_from(given_answers)
    assert spec_from(walked) == spec
    assert write(spec, reasons(walked)) == write(spec, reasons(given_answers))


@pytest.mark.parametrize("texts", SOURCES, ids=lambda texts: texts.get("data.source", "digits"))
def test_defaults_have_no_finding(texts):
    spec = spec_from(given_texts(texts))
    assert [finding.message for finding in lint(spec) if finding.severity != "info"] == []
    text = write(spec, reasons(given_texts(texts)))
    assert max(len(line) for line in text.splitlines()) <= 100
    assert parse_text(text).spec == spec


@pytest.mark.parametrize("seed", range(200))
def test_random_walks_end_in_specs_that_load_and_networks_that_exist(seed):
    chance = random.Random(seed)

    def anything(item, known):
        options = [option.value for option in item.choices(known) if not option.unavailable]
        if item.kind == "choice":
            return chance.choice(options)
        if item.kind == "several":
            return tuple(option for option in options if chance.random() < 0.5)
        if item.kind == "yes-no":
            return chance.random() < 0.5
        small = {"data.classes": (2, 40), "data.image_size": (1, 200), "architecture.width": (1, 24)}
        small |= {"architecture.depth": (1, 2), "architecture.stages": (1, 8)}
        if item.key in small:
            value = chance.randint(*small[item.key])
            return value if item.problem(value, known) is None else item.recommend(known).value
        return "somewhere" if item.key == "data.path" else item.recommend(known).value

    answers = walk(chance.choice(LEVELS), anything)
    spec = spec_from(answers)
    document = parse_text(write(spec, reasons(answers)))
    assert document.findings == ()
    assert document.spec == spec
    assert graph_of(spec).finding is None


def test_required_answers_are_asked_at_every_level():
    answers = given_texts({"data.source": "folder"})
    assert [item.key for item in missing(answers)] == ["data.path", "data.classes"]
    assert next_question(answers, "recommended") == question("data.path")
    with pytest.raises(CnnwizError, match=r"data\.path, data\.classes"):
        spec_from(answers)


def test_folder_that_is_there_counts_its_classes(tmp_path):
    for name in ("cat", "dog", "owl"):
        (tmp_path / name).mkdir()
    answers = given_texts({"data.source": "folder", "data.path": str(tmp_path)})
    assert missing(answers) == []
    assert "3 classes" in reasons(answers)["data", "source"]


# Changing answers


def test_answers_never_change_in_place():
    first = Answers({"optimizer": "sgd"})
    second = first.put("optimizer", "adam")
    assert (first["optimizer"], second["optimizer"]) == ("sgd", "adam")
    assert list(Answers({"a": 1, "b": 2}).put("a", 3).items()) == [("a", 3), ("b", 2)]


def test_a_change_drops_what_it_makes_impossible_and_keeps_the_rest():
    answers = walk("all", recommended, given_texts({"data.image_size": "128"}))
    assert answers["architecture.stem"] == "pooled"
    change = answer(answers, "data.image_size", 40)
    dropped = dict(change.dropped)
    assert dropped["architecture.stem"] == "pooled cannot be chosen: 40 px become 10 before the first stage"
    assert "augment.random_resized_crop.scale" not in dropped  # still the chosen crop
    assert set(change.answers) == set(answers) - set(dropped)
    assert next_question(change.answers, "all") == question("architecture.stem")


def test_parameters_of_a_choice_go_with_it():
    answers = walk("guided", recommended)
    change = answer(answers, "optimizer", "adamw")
    assert change.dropped == (("optimizer.sgd.lr", "no longer asked"),)
    assert next_question(change.answers, "guided") == question("optimizer.adamw.lr")


def test_recommendations_follow_earlier_answers():
    def advice(key, **texts):
        answers = given_texts({name.replace("__", "."): text for name, text in texts.items()})
        return question(key).recommend(before(answers, key)).value

    assert advice("model.defaults.activation", model__defaults__norm="none") == "elu"
    assert advice("optimizer.sgd.lr", training__batch_size="256") == 0.2
    assert advice("optimizer.sgd.lr", training__batch_size="256", model__defaults__norm="none") == 0.01
    assert advice("regularization", optimizer="adam") == ()
    assert advice("model.defaults.activation.elu.alpha") == 1.0
    deep = {"model__defaults__norm": "none", "architecture__depth": "8"}
    assert advice("model.defaults.activation.elu.alpha", **deep) == 0.5


def test_conflicts_with_earlier_answers_are_shown():
    known = before(given_texts({"model.defaults.norm": "batch"}), "model.defaults.activation")
    warnings = {option.value: option.warning for option in question("model.defaults.activation").choices(known)}
    assert warnings["elu"] == "not with batch: no gain over ReLU once batch norm is there"


def test_back_goes_to_what_was_asked_before():
    answers = Answers({"data.source": "digits"}, frozenset({"data.source"}))
    assert back(answers) is None
    answers = answers.put("augment", ()).put("optimizer", "sgd")
    assert back(answers) == "optimizer"
    assert back(answers, "optimizer") == "augment"
    assert back(answers, "augment") is None


@given(st.lists(st.sampled_from(["back", "next"]), max_size=30))
@settings(unhurried, max_examples=20)
def test_going_back_and_forth_ends_in_the_same_spec(moves):
    answers, key = Answers(), None
    for move in moves:
        item = question(key) if key else next_question(answers, "guided")
        if item is None:
            break
        if move == "back":
            key = back(answers, item.key) or item.key
            continue
        known = before(answers, item.key)
        answers, key = answer(answers, item.key, answers.get(item.key, recommended(item, known))).answers, None
    assert spec_from(walk("guided", recommended, answers)) == spec_from(Answers())


# Typed answers


def test_all_that_is_wrong_is_said_at_once():
    _, problems = take(
        {
            "optimiser": "sgd",
            "training.epochs": "3O",
            "training.batch_size": "0",
            "optimizer.adam.lr": "0.1",
            "architecture.stem": "pooled",
            "augment.random_crop.fill": "white",
            "data.path": "x",
            "augment": "random_crop,flip",
        }
    )
    augment = next(problem for problem in problems if problem.startswith("augment: 'flip' is not one of random_crop, "))
    assert set(problems) - {augment} == {
        "unknown key 'optimiser'; did you mean 'optimizer'?",
        "data.path: does not apply while data.source is digits",
        "training.epochs: '3O' is not a number; it takes a whole number from 1 to 100000",
        "training.batch_size: 0 is not allowed; it takes a whole number from 1 to 65536",
        "optimizer.adam.lr: does not apply while optimizer is sgd",
        "architecture.stem: pooled cannot be chosen: 8 px become 2 before the first stage",
        "augment.random_crop.fill: 'white' is not one of zero, reflect",
    }


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("training.ema", "none", None),
        ("training.ema", "0.999", 0.999),
        ("training.seed", " 7 ", 7),
        ("augment", "none", ()),
        ("augment", "[horizontal_flip, vertical_flip]", ("horizontal_flip", "vertical_flip")),
        ("optimizer.sgd.nesterov", "No", False),
        ("regularization.l2.skip", "norm, bias", ("norm", "bias")),
        ("name", "my-net", "my-net"),
    ],
)
def test_typed_values(key, text, value):
    assert typed({key: text})[key] == value


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("training.seed", "none"),
        ("training.seed", "1.5"),
        ("training.seed", "1_000"),
        ("training.seed", "nan"),
        ("optimizer.sgd.lr", "inf"),
        ("optimizer.sgd.lr", "-1"),
        ("optimizer.sgd.nesterov", "maybe"),
        ("name", "two words"),
        ("name", ""),
        ("data.image_size", "5000"),
        ("augment", "random_crop,random_crop"),
        ("architecture.stages", "9"),
        ("regularization.l2.skip", "everything"),
        ("training.gradient_clip", "0"),
    ],
)
def test_values_that_are_refused(key, text):
    answers, problems = take({key: text})
    assert len(problems) == 1
    assert problems[0].startswith(f"{key}: ")
    assert key not in answers


@given(st.sampled_from([item.key for item in QUESTIONS]), st.text(max_size=20))
@unhurried
def test_any_text_is_taken_or_refused(key, text):
    answers, problems = take({key: text})
    assert (key in answers) != bool(problems)
    if key in answers and not missing(answers):
        spec_from(answers)


def test_shown_values_read_back():
    answers = walk("all", recommended)
    assert dict(given_texts({key: question(key).show(value) for key, value in answers.items()})) == dict(answers)


def test_defaults_answer_everything():
    full = defaults(Answers())
    assert set(full) >= {item.key for item in plan(Answers(), "all")}
    assert next_question(full, "all") is None
