"""JUnit XML: a suite for each file, a test for each finding, failed where it makes the command fail."""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree import ElementTree

from cnnwiz.cli.formats.report import Checked, Report, from_root
from cnnwiz.cli.frame import frame
from cnnwiz.cli.plain import visible
from cnnwiz.spec import Severity

_NOT_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 cannot hold, even as references."""


def lines(report: Report) -> Iterator[str]:
    """One document; a file without findings is one test that passed."""
    suites = ElementTree.Element("testsuites", name="cnnwiz lint")
    for checked in report.files:
        suites.append(_suite(checked, report.failing))
    for count in ("tests", "failures"):
        suites.set(count, str(sum(int(suite.get(count, "0")) for suite in suites)))
    ElementTree.indent(suites)
    yield '<?xml version="1.0" encoding="utf-8"?>'
    yield ElementTree.tostring(suites, encoding="unicode")


def _suite(checked: Checked, failing: tuple[Severity, ...]) -> ElementTree.Element:
    path = _text(from_root(checked.document.name))
    failures = sum(finding.severity in failing for finding in checked.findings)
    tests = max(len(checked.findings), 1)
    suite = ElementTree.Element("testsuite", name=path, tests=str(tests), failures=str(failures))
    for finding in checked.findings:
        name, line = f"{finding.code} {finding.name}", str(finding.span.line)
        test = ElementTree.SubElement(suite, "testcase", name=name, classname=path, file=path, line=line)
        if finding.severity in failing:
            kind, message = finding.severity, _text(finding.message)
            said = ElementTree.SubElement(test, "failure", type=kind, message=message)
        else:
            said = ElementTree.SubElement(test, "system-out")
        said.text = _text(frame(finding, checked.document))
    if not checked.findings:
        ElementTree.SubElement(suite, "testcase", name="nothing found", classname=path, file=path)
    return suite


def _text(text: str) -> str:
    return _NOT_XML.sub("\ufffd", visible(text))
