"""Decisions: what was chosen, the reason in the spec, what the catalogue knows about it, and what was measured."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cnnwiz.amounts import count
from cnnwiz.knowledge import Evidence, evidence
from cnnwiz.report.blocks import Block, Entries, Entry, Fold, Mono, Section, Table, Text, Words, marked
from cnnwiz.report.decided import Decision, decisions
from cnnwiz.report.reading import Reading
from cnnwiz.spec.finding import Path
from cnnwiz.spec.remarks import remarks


def decided(runs: Sequence[Reading]) -> Section:
    """One run: what its spec says, the rest folded. Several: what differs, then all of the first run."""
    of_first = tuple(_all(runs[0]))
    if len(runs) == 1:
        blocks = of_first
    else:
        blocks = (_differences(runs), Fold(f"Every decision of {runs[0].label}, with reasons", of_first))
    lead = "What was chosen and why: the remark in the spec first, then what is known in general."
    return Section("decisions", "Decisions", lead, blocks)


def _all(run: Reading) -> Iterator[Block]:
    """What the spec says, then what it leaves to defaults and to the data: choices with cards, and plain values."""
    everything = decisions(run.spec)
    said = _remarked(everything, run)
    taken = [decision for decision in everything if _is_written(decision, run)]
    rest = [decision for decision in everything if decision not in taken]
    yield Entries(tuple(_entry(decision, said) for decision in taken))
    if choices := [decision for decision in rest if decision.choices]:
        entries = tuple(_entry(decision, said) for decision in choices)
        yield Fold(f"{len(choices)} choices left at their defaults", (Entries(entries),))
    rows = tuple((Mono(d.key), Mono(d.value), d.description) for d in rest if not d.choices)
    if rows:
        table = Table("Plain values that the spec does not mention", ("key", "value", "what it is"), rows)
        yield Fold(f"{len(rows)} values left at their defaults, or told by the data", (table,))


def _remarked(everything: Sequence[Decision], run: Reading) -> dict[Path, list[str]]:
    """The remarks on each decision: those on it or inside it, and to the first of a group those on the group."""
    found: dict[Path, list[str]] = {}
    for path, text in (remarks(run.written) if run.written else {}).items():
        length = len(path)
        near = (d.path for d in everything if d.path[:length] == path or path[: len(d.path)] == d.path)
        if (place := next(near, None)) is not None:
            found.setdefault(place, []).append(text)
    return found


def _is_written(decision: Decision, run: Reading) -> bool:
    """Whether the spec as written says it; where only the resolved one is here, whether it differs from the default."""
    if run.written is None or run.written.root is None:
        return not decision.usual
    return run.written.root.get(decision.path) is not None


def _differences(runs: Sequence[Reading]) -> Block:
    """A row for each decision that is not the same in all runs."""
    taken = [{decision.key: decision.value for decision in decisions(run.spec)} for run in runs]
    keys = list(dict.fromkeys(key for values in taken for key in values))
    found = [(key, [values.get(key, "not there") for values in taken]) for key in keys]
    rows = tuple((Mono(key), *(Mono(value) for value in values)) for key, values in found if len(set(values)) > 1)
    if not rows:
        return Text(("These runs have the same decisions.",))
    return Table("Decisions that differ", ("key", *(run.label for run in runs)), rows)


def _entry(decision: Decision, said: dict[Path, list[str]]) -> Entry:
    why = "; ".join(said.get(decision.path, []))
    texts: list[tuple[str, Words]] = [("Why here:", marked(why))] if why else []
    for choice in decision.choices:
        card = choice.card()
        texts.append((f"{choice.key}:" if len(decision.choices) > 1 else "", marked(card["what"])))
        if len(decision.choices) == 1:
            texts += [(f"{name.capitalize()}:", marked(card[name])) for name in ("use", "avoid") if name in card]
    if not decision.choices:
        texts.append(("", marked(_sentence(decision.description))))
    effects = list(dict.fromkeys(id for choice in decision.choices for id in choice.evidence))
    papers = list(dict.fromkeys(paper for choice in decision.choices for paper in choice.papers))
    behind = tuple(_behind([evidence(id) for id in effects], papers))
    return Entry(decision.key, decision.value, tuple(texts), _closer(len(effects), len(papers)), behind)


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}." if text else ""


def _closer(effects: int, papers: int) -> str:
    counts = ((effects, "measured effect"), (papers, "paper"))
    return " and ".join(count(number, word) for number, word in counts if number)


def _behind(effects: Sequence[Evidence], papers: Sequence[str]) -> Iterator[Block]:
    """Measured effects with their conditions, and where the choices were published."""
    if effects:
        yield measured(effects)
    if papers:
        yield Text((f"Published: {'; '.join(papers)}.",), "quiet")


def measured(effects: Sequence[Evidence]) -> Table:
    """Effects as a table: points of top-1 accuracy, what was changed, under which conditions, where it is from."""
    rows = tuple(
        (effect.what, effect.points(), effect.setting, f"{effect.source}, {effect.status}") for effect in effects
    )
    caption = "Points of ImageNet top-1 accuracy, one run each; differences below 0.5 are ties"
    return Table(caption, ("change", "points", "conditions", "source"), rows, frozenset((1,)))
