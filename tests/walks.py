"""Random walks through the questions of `cnnwiz new`: random images, answers and steps back, without a terminal."""

from __future__ import annotations

import random
import re

from cnnwiz.catalog import PARTS, SECTIONS
from cnnwiz.catalog.choice import Choice, Part
from cnnwiz.decisions import (
    LEVELS,
    Answers,
    Background,
    Fingerprint,
    answer,
    back,
    before,
    draft,
    next_question,
    question,
    reasons,
    take,
)
from cnnwiz.errors import CnnwizError
from cnnwiz.graph import graph_of
from cnnwiz.spec import Spec, parse_text
from cnnwiz.spec.write import write

SMALL = {
    "data.classes": (2, 40),
    "data.image_size": (1, 160),
    "architecture.width": (1, 24),
    "architecture.depth": (1, 2),
    "architecture.stages": (1, 8),
}
"""Ranges of numbers that would make networks too large to wire hundreds of."""
UNREACHED = {
    "initialization.whitening": "for one layer, which is written into the file",
    "initialization.zero": "for one layer, which is written into the file",
    "optimizer.rates": "a mapping of roles, which is written into the file",
}
"""Choices that the wizard does not offer, and why; single layers and shortcuts come from the architecture."""
NOT_SINGLE = {"layer", "shortcut"}


def images(chance: random.Random) -> Fingerprint | None:
    """Images as somebody might have them, or none that were looked at."""
    if chance.random() < 0.2:
        return None
    side = chance.choice([8, 17, 28, 32, 64, 100, 224, 500])
    classes = chance.randint(2, 12)
    names = tuple(str(number) for number in range(10)) if chance.random() < 0.2 else ()
    names = names or tuple(f"class{number}" for number in range(classes))
    return Fingerprint(
        source=chance.choice(["folder", "arrays"]),
        path="somewhere",
        classes=names,
        images=tuple(chance.randint(1, chance.choice([20, 400, 6000])) for _ in names),
        validation=chance.choice([0, 0, 50]),
        test=chance.choice([0, 100]),
        sides=(side, side, side) if chance.random() < 0.5 else (max(side // 2, 1), side, side * 2),
        square=chance.random() < 0.5,
        grey=chance.choice([0.0, 0.3, 1.0]),
        looked=100,
    )


def quiet(item, known):
    """The answer that leaves nothing to chance in training, for what needs that (L-BFGS)."""
    wanted = {"augment": (), "model.defaults.norm": "none", "optimizer": "lbfgs", "training.precision": "float32"}
    return wanted.get(item.key, item.advise(known).value if item.advise(known) else "somewhere")


def reply(chance: random.Random, item, known):
    """Something that can be answered, at random."""
    if item.key == "model.defaults.stochastic_depth.rate":
        return chance.choice([None, 0.1])
    options = [option.value for option in item.choices(known) if not option.unavailable]
    advice = item.recommend(known)
    if item.kind == "choice":
        return chance.choice(options)
    if item.kind == "several":
        return tuple(option for option in options if chance.random() < 0.3)
    if item.kind == "yes-no":
        return chance.random() < 0.5
    if item.key in SMALL:
        value = chance.randint(*SMALL[item.key])
        return value if item.problem(value, known) is None or advice is None else advice.value
    return advice.value if advice else "somewhere"


def walk(seed: int) -> Answers:
    """The answers at the end of one walk."""
    chance = random.Random(seed)
    seen, level = images(chance), chance.choice(LEVELS)
    texts = {"data.source": seen.source, "data.path": seen.path} if seen else {}
    answers, problems = take(texts, Background(seen=seen))
    assert problems == []
    steps = 0
    while item := next_question(answers, level):
        if steps < 400 and chance.random() < 0.1 and (key := back(answers)):
            item = question(key)
        steps += 1
        known = before(answers, item.key)
        advice = item.recommend(known)
        try:
            value = quiet(item, known) if seed % 20 == 7 else reply(chance, item, known)
            answers = answer(answers, item.key, value).answers
        except CnnwizError as error:
            if not re.search("no network can be made|: CNN", str(error)) or advice is None:
                raise
            answers = answer(answers, item.key, advice.value).answers
    return answers


def checked(answers: Answers) -> Spec:
    """The spec of these answers: it loads, is what was answered, and makes a network."""
    made = draft(answers)
    assert made
    document = parse_text(write(made.spec, reasons(answers)))
    assert document.findings == (), document.findings
    assert document.spec == made.spec
    graph = graph_of(made.spec, classes=made.graph.classes)
    assert graph.finding is None
    assert (graph.parameters, graph.macs) == (made.graph.parameters, made.graph.macs)
    return made.spec


def choices_in(part: object) -> set[str]:
    """Every choice inside a spec, as section.key."""
    if isinstance(part, tuple):
        return {name for item in part for name in choices_in(item)}
    if not isinstance(part, Part):
        return set()
    own = {f"{part.section}.{part.key}"} if isinstance(part, Choice) else set()
    return own | {name for field in type(part).model_fields for name in choices_in(getattr(part, field))}


def wanted() -> set[str]:
    """The choices that some walk has to reach."""
    single = {choice for section in SECTIONS if section.name not in NOT_SINGLE for choice in section.choices}
    return {f"{choice.section}.{choice.key}" for choice in [*single, *PARTS]} - set(UNREACHED)


def main(count: int) -> None:
    """Walk so often, check every end, and name the choices of the catalogue that no walk reached."""
    from cnnwiz.rules import lint

    reached: set[str] = set()
    errors: dict[str, int] = {}
    for seed in range(count):
        spec = checked(walk(seed))
        reached |= choices_in(spec)
        for code in {finding.code for finding in lint(spec) if finding.severity == "error"}:
            errors[code] = errors.get(code, 0) + 1
    print(f"{count} walks, every one ends in a spec that loads and a network that exists")
    print(f"not reached: {', '.join(sorted(wanted() - reached)) or 'nothing'}")
    print(f"walks with an error of lint: {errors}")
