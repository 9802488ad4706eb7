"""The page of a rule, as `cnnwiz explain CODE` prints it: always the same headings, 80 columns, plain text."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterator
from typing import Literal

from cnnwiz.amounts import count
from cnnwiz.knowledge import evidence, measured
from cnnwiz.rules import check
from cnnwiz.rules.rule import Rule
from cnnwiz.spec import parse_text

WIDTH = 80
INDENT = " " * 11


def rule_page(rule: Rule) -> str:
    """What the rule finds, why that is a mistake, what to do, when it is silent, an example, and the numbers."""
    head = f"{rule.code} {rule.name}"
    repair = repair_of(rule)
    about = f"{rule.severity}, {f'{repair} fix' if repair else 'no fix'}, since {rule.since}"
    lines = [f"{head}{about:>{max(WIDTH - len(head), len(about) + 2)}}", ""]
    for label, text in (("What", rule.what), ("Why", rule.why), ("Do", rule.do), ("Abstains", rule.abstains)):
        lines.append(_labelled(label, text))
    lines += ["", "Example", _sample(rule.bad[0]), *_files(rule), "", "Instead", _sample(rule.good[0]), ""]
    lines += _evidence(rule)
    lines += _measured(rule)
    lines.append(_labelled("Silence", f"# cnnwiz: ignore[{rule.code}] reason"))
    return "\n".join(lines) + "\n"


def repair_of(rule: Rule) -> Literal["safe", "unsafe"] | None:
    """Which repair `cnnwiz lint --fix` has for what the rule's examples show."""
    for sample in rule.bad:
        for finding in check(parse_text(textwrap.dedent(sample))):
            if finding.code == rule.code and finding.fix and finding.fix.safety != "suggestion":
                return finding.fix.safety
    return None


def _labelled(label: str, text: str) -> str:
    return _wrapped(f"{label:<{len(INDENT)}}", text)


def _wrapped(start: str, text: str) -> str:
    """Lines of at most WIDTH columns; those behind the first begin below its text."""
    indent = " " * len(start)
    return textwrap.fill(text, WIDTH, initial_indent=start, subsequent_indent=indent, break_on_hyphens=False)


def _sample(sample: str) -> str:
    return textwrap.indent(textwrap.dedent(sample).rstrip(), "    ")


def _evidence(rule: Rule) -> Iterator[str]:
    """Effects with their source, those of one setting together, then the papers; or that nothing was measured."""
    effects = [evidence(id) for id in rule.evidence]
    for number, setting in enumerate(dict.fromkeys(effect.setting for effect in effects)):
        yield _labelled("" if number else "Evidence", f"{setting}:")
        for effect in effects:
            if effect.setting == setting:
                text = f"{effect.what} ({effect.id}, {effect.source}, {effect.status}, one run)"
                yield _wrapped(f"{INDENT}{effect.points(' points'):<14}", text)
    if not effects:
        yield _labelled("Evidence", "argued in these papers" if rule.papers else "by definition")
    if rule.papers:
        yield _labelled("Papers", "; ".join(rule.papers))


def _files(rule: Rule) -> Iterator[str]:
    """The files that the example reads, counted by folder."""
    counts = Counter(name.rpartition("/")[0] for name in rule.files)
    yield from (f"    # {folder}: {count(number, 'file')}" for folder, number in sorted(counts.items()))


def _measured(rule: Rule) -> Iterator[str]:
    """What training the bad and the good spec here gave, with its interval, whatever it says about the rule."""
    found = measured().get(rule.code)
    if found is None:
        return
    outside = "" if found.fires else " The rule keeps silent about such networks: see Abstains."
    yield _labelled("Measured", f"here: {found.data}; seeds 0, 1, 2.{outside}")
    sides = " against ".join(", ".join(f"{value:.1f}" for value in side) for side in (found.bad, found.good))
    text = f"+- {found.interval_pp:.1f} (95 %, paired): {found.what} ({sides} %): {found.verdict}"
    yield _wrapped(f"{INDENT}{f'{found.effect_pp:+.1f} points':<14}", text)
