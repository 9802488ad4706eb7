"""One JSON object a line, a line for each finding: for streams."""

from __future__ import annotations

import json
from collections.abc import Iterator

from cnnwiz.cli.formats.json import as_json
from cnnwiz.cli.formats.report import Report


def lines(report: Report) -> Iterator[str]:
    """The objects of the JSON format, each on its line."""
    return (json.dumps(as_json(finding, document)) for finding, document in report.findings)
