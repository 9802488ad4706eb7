"""The page of a rule, as `cnnwiz explain CODE` prints it: always the same headings, 80 columns, plain text."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from cnnwiz.knowledge import Evidence, evidence
from cnnwiz.rules.rule import Rule

WIDTH = 80
INDENT = " " * 11


def rule_page(rule: Rule) -> str:
    """What the rule finds, why that is a mistake, what to do, when it is silent, an example, and the numbers."""
    head = f"{rule.code} {rule.name}"
    about = f"{rule.severity}, since {rule.since}"
    lines = [f"{head}{about:>{max(WIDTH - len(head), len(about) + 2)}}", ""]
    for label, text in (("What", rule.what), ("Why", rule.why), ("Do", rule.do), ("Abstains", rule.abstains)):
        lines.append(_labelled(label, text))
    lines += ["", "Example", _sample(rule.bad[0]), "", "Instead", _sample(rule.good[0]), ""]
    lines += _evidence(rule)
    lines.append(_labelled("Silence", f"# cnnwiz: ignore[{rule.code}] reason"))
    return "\n".join(lines) + "\n"


def _labelled(label: str, text: str) -> str:
    return textwrap.fill(
        text,
        WIDTH,
        initial_indent=f"{label:<{len(INDENT)}}",
        subsequent_indent=INDENT,
        break_on_hyphens=False,
        break_long_words=False,
    )


def _sample(sample: str) -> str:
    return textwrap.indent(textwrap.dedent(sample).rstrip(), "    ")


def _evidence(rule: Rule) -> Iterator[str]:
    """Each effect with its conditions and source, then the papers; a line that says so where nothing was measured."""
    for number, id in enumerate(rule.evidence):
        effect = evidence(id)
        yield _labelled("" if number else "Evidence", f"{_points(effect)}: {effect.what} ({id}).")
        yield _labelled("", f"{effect.setting}. {effect.source}, {effect.status}, one run.")
    if not rule.evidence:
        yield _labelled(
            "Evidence", "by definition, no measurement needed" if not rule.papers else "argument, not measured here"
        )
    if rule.papers:
        yield _labelled("Papers", "; ".join(rule.papers))


def _points(effect: Evidence) -> str:
    return "did not train" if effect.effect_pp is None else f"{effect.effect_pp:+.1f} points"
