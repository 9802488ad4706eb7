"""Confusion: which class was taken for which, as a matrix and as the pairs that occur most."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cnnwiz.report.blocks import Block, Column, Columns, Heat, Section, Table, Text, beside
from cnnwiz.report.numbers import amount, percent
from cnnwiz.report.reading import Reading

MOST_CLASSES = 25
MOST_PAIRS = 10
LONG, MANY = 3, 6
"""More letters in a class name, and more classes than this, and the headings are turned."""
Matrix = Sequence[Sequence[int]]


def confusion(runs: Sequence[Reading]) -> Section:
    """The matrix of each run that was measured."""
    found = [run for run in runs if run.classified]
    columns = tuple(Column(run.label, tuple(_of(run))) for run in found)
    lead = "Rows are what an image is, columns what the network says: right answers are on the diagonal."
    return Section("confusion", "Confusion", lead, beside(columns))


def _of(run: Reading) -> Iterator[Block]:
    assert run.evaluation is not None
    matrix: Matrix = run.evaluation.measured["confusion"]
    names = run.evaluation.outputs.classes
    pairs = _pairs(matrix, names, run.split)
    worst = _worst(matrix)
    table = _matrix(matrix, names, worst, run.split)
    yield Columns((Column("", (table,)), Column("", (pairs,))), wide=True)


def _worst(matrix: Matrix) -> list[int]:
    """The classes that the matrix shows: all, or those with the most mistakes, in their order."""
    if len(matrix) <= MOST_CLASSES:
        return list(range(len(matrix)))
    columns = [sum(row[place] for row in matrix) for place in range(len(matrix))]
    mistakes = [sum(row) + columns[place] - 2 * row[place] for place, row in enumerate(matrix)]
    return sorted(sorted(range(len(matrix)), key=lambda place: -mistakes[place])[:MOST_CLASSES])


def _matrix(matrix: Matrix, names: Sequence[str], shown: Sequence[int], split: str) -> Table:
    rows = []
    for place in shown:
        total = sum(matrix[place]) or 1
        cells = (Heat(matrix[place][other], matrix[place][other] / total, other == place) for other in shown)
        rows.append((names[place], *cells))
    left = (
        f"; the {len(shown)} of {amount(len(names))} classes with the most mistakes" if len(shown) < len(names) else ""
    )
    turned = len(shown) > MANY and any(len(names[place]) > LONG for place in shown)
    caption = f"Number of {split} images{left}"
    header = ("is / said", *(names[place] for place in shown))
    return Table(caption, header, tuple(rows), frozenset(), "matrix turned" if turned else "matrix")


def _pairs(matrix: Matrix, names: Sequence[str], split: str) -> Table | Text:
    """The most frequent mistakes."""
    found = [
        (count, is_, said) for is_, row in enumerate(matrix) for said, count in enumerate(row) if count and said != is_
    ]
    found.sort(key=lambda item: (-item[0], item[1], item[2]))
    if not found:
        return Text((f"No {split} image was taken for another class.",))
    rows = tuple(
        (names[is_], names[said], amount(count), percent(count / sum(matrix[is_])))
        for count, is_, said in found[:MOST_PAIRS]
    )
    caption = "The most frequent mistakes"
    return Table(caption, ("is", "said to be", "images", "of its class"), rows, frozenset((2, 3)))
