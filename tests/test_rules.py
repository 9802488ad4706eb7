"""Rules: each finds its bad samples and nothing else, leaves its good ones alone, and can be explained."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

import cnnwiz
from cnnwiz.catalog import PARTS, SECTIONS
from cnnwiz.knowledge import everything
from cnnwiz.rules import RULES, check, find, lint
from cnnwiz.rules.page import rule_page
from cnnwiz.rules.rule import Rule
from cnnwiz.spec import open_document, parse_text
from cnnwiz.spec.finding import START

SAMPLES = [pytest.param(rule, text, id=f"{rule.code}-{i}") for rule in RULES for i, text in enumerate(rule.bad)]
CLEAN = [pytest.param(rule, text, id=f"{rule.code}-{i}") for rule in RULES for i, text in enumerate(rule.good)]
Lay = Callable[[Rule], None]


@pytest.fixture
def lay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lay:
    """Puts the files that a rule's examples read into a directory of its own and goes there."""

    def files_of(rule: Rule) -> None:
        here = tmp_path / rule.code
        for name, content in rule.files.items():
            (here / name).parent.mkdir(parents=True, exist_ok=True)
            (here / name).write_bytes(content)
        here.mkdir(exist_ok=True)
        monkeypatch.chdir(here)

    return files_of


HEADINGS = ("What", "Why", "Do", "Abstains", "Example", "Instead", "Evidence", "Silence")


@pytest.mark.parametrize(("rule", "text"), SAMPLES)
def test_bad_samples_trigger_exactly_their_rule(rule: Rule, text: str, lay: Lay) -> None:
    lay(rule)
    document = parse_text(dedent(text))
    found = check(document)
    assert {finding.code for finding in found} == {rule.code}
    for finding in found:
        assert finding.name == rule.name
        assert finding.message
        assert document.text[finding.span.start].strip(), "points at something"


@pytest.mark.parametrize(("rule", "text"), CLEAN)
def test_good_samples_are_left_alone(rule: Rule, text: str, lay: Lay) -> None:
    lay(rule)
    document = parse_text(dedent(text))
    assert document.spec is not None
    assert rule.code not in {finding.code for finding in check(document)}


def test_a_rule_finds_the_worst_severity_it_declares(lay: Lay) -> None:
    for rule in RULES:
        lay(rule)
        found = [f.severity for text in rule.bad for f in check(parse_text(dedent(text)))]
        order = ("error", "warning", "info")
        assert min(found, key=order.index) == rule.severity, rule.code


def test_codes_and_names_are_unique_and_in_order() -> None:
    codes = [rule.code for rule in RULES]
    assert codes == sorted(set(codes))
    assert len({rule.name for rule in RULES}) == len(RULES)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_every_rule_has_a_page(rule: Rule) -> None:
    page = rule_page(rule)
    starts = [line.split()[0] for line in page.splitlines() if line[:1].isupper()]
    assert [heading for heading in starts if heading in HEADINGS] == list(HEADINGS)
    assert rule.code in page
    assert rule.name in page
    assert all(len(line) <= 80 for line in page.splitlines())


def test_evidence_is_cited_and_citations_exist() -> None:
    choices = [choice for section in SECTIONS for choice in section.choices] + list(PARTS)
    cited = {id for rule in RULES for id in rule.evidence} | {id for choice in choices for id in choice.evidence}
    assert cited == set(everything())


def test_lint_of_a_spec_says_what_check_of_its_file_says(lay: Lay) -> None:
    for rule in RULES:
        lay(rule)
        for text in rule.bad:
            document = parse_text(dedent(text))
            if document.spec is None or rule.code.startswith("CNN9"):
                continue
            found = lint(document.spec)
            assert [f.message for f in found] == [f.message for f in check(document)]
            assert all(f.span == START for f in found)


def test_lint_is_the_public_verb(tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text("cnnwiz: 1\nmodel:\n  layers:\n    - conv: {channels: 8}\nloss: hinge\n")
    (found,) = cnnwiz.lint(cnnwiz.load(path))
    assert (found.code, found.path) == ("CNN404", ("loss", "hinge"))
    (placed,) = cnnwiz.lint(open_document(path))
    assert placed.span.line == 5


def test_find_takes_codes_names_and_beginnings() -> None:
    assert [rule.code for rule in find("CNN201")] == ["CNN201"]
    assert [rule.code for rule in find("relu-without-norm")] == ["CNN201"]
    assert {rule.code[:4] for rule in find("CNN9")} == {"CNN9"}
    assert find("CNN") == find("nothing") == []


TEMPLATES = sorted((Path(__file__).parents[1] / "templates").glob("*.yaml"))


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.stem)
def test_no_rule_finds_anything_in_a_template_but_what_it_silences_with_a_reason(path: Path) -> None:
    assert check(open_document(path)) == []  # of any severity; a suppression without a reason would be one, too


def test_there_are_rules_of_every_family() -> None:
    families = [rule.code[3] for rule in RULES]
    assert {family: families.count(family) > 0 for family in "1234569"} == dict.fromkeys("1234569", True)
    assert len(RULES) >= 150
