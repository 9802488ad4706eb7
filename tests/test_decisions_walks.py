"""A few of the random walks of `tests/campaigns/wizard_walks.py`: each ends in a spec without errors."""

from __future__ import annotations

import pytest
import walks

from cnnwiz.decisions import Answers, before
from cnnwiz.decisions.questions import QUESTIONS
from cnnwiz.rules import lint
from cnnwiz.spec.guide import keys, path_of

NOT_ASKED = {
    "cnnwiz": "the format has one version",
    "data.audit": "what was found out later",
    "model.from": "a run that is already there",
    "model.layers": "made of the answers about the architecture",
    "phases": "a list of changes to everything else",
}
"""Keys of the spec without a question, and why; what is inside them has none either."""


@pytest.mark.parametrize("seed", range(12))
def test_walks_end_without_errors(seed):
    spec = walks.checked(walks.walk(seed))
    assert [f.message for f in lint(spec) if f.severity == "error"] == []


def test_every_choice_is_offered_somewhere():
    """What no question offers is named, with its reason; the campaign shows that the others are also taken."""
    offered = set()
    for task in ("classify", "embed", "detect"):
        for item in QUESTIONS:
            known = before(Answers({"task": task}), item.key)
            offered |= {option.card for option in item.choices(known) if not option.unavailable}
    sections = {name for name in walks.wanted() if not name.startswith(("regularization.", "training."))}
    assert sections - offered == set()


def test_every_key_of_the_spec_has_a_question_or_a_reason():
    asked = {item.key for item in QUESTIONS}
    for path in map(path_of, keys()):
        inside = any(path == key or path.startswith(f"{key}.") for key in NOT_ASKED)
        assert inside or path in asked or any(key.startswith(f"{path}.") for key in asked), path
