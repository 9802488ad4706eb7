"""The report: its sections in order, as one HTML page or as Markdown."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

from cnnwiz.report import html, markdown
from cnnwiz.report.blocks import Section
from cnnwiz.report.reading import Reading, judged, read_runs
from cnnwiz.report.sections.calibration import calibration
from cnnwiz.report.sections.classes import classes
from cnnwiz.report.sections.confusion import confusion
from cnnwiz.report.sections.curves import curves
from cnnwiz.report.sections.data import data
from cnnwiz.report.sections.decisions import decided
from cnnwiz.report.sections.environment import environment
from cnnwiz.report.sections.findings import findings
from cnnwiz.report.sections.head import head
from cnnwiz.report.sections.layers import layers
from cnnwiz.report.sections.mistakes import mistakes

SECTIONS: tuple[Callable[[Sequence[Reading]], Section], ...] = (
    curves,
    confusion,
    classes,
    mistakes,
    calibration,
    decided,
    findings,
    layers,
    data,
    environment,
)
"""In the order of the page: what came out, why it was made so, what it is made of."""
FORMATS = {"html": html.page, "markdown": markdown.page}


def report(
    paths: Sequence[Path],
    format: Literal["html", "markdown"] = "html",
    split: str | None = None,
    device: str = "auto",
    workers: int = 0,
) -> str:
    """The report on these run directories as text. Their networks are measured on `split` of their own data.

    Raises CnnwizError for what is no run or damaged. A run whose data are not here is shown without what needs them.
    """
    runs = [judged(run, split, device, workers) for run in read_runs(list(paths))]
    sections = [section for make in SECTIONS if (section := make(runs)).blocks]
    names = list(dict.fromkeys(run.spec.name for run in runs))
    title = names[0] if len(names) == 1 else " · ".join(names[:4]) + (" ..." if len(names) > 4 else "")
    labels = ", ".join(run.label for run in runs)
    about = f"Training report · {labels} · {time.strftime('%Y-%m-%d')}"
    return FORMATS[format](title, about, head(runs), sections)
