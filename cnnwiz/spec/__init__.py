"""The spec: the document, how it is read with positions, and what is wrong with it."""

from __future__ import annotations

from cnnwiz.spec.document import Spec
from cnnwiz.spec.file import Document, SpecError, load, open_document, parse_text
from cnnwiz.spec.finding import Edit, Finding, Fix, Severity, Span

__all__ = [
    "Document",
    "Edit",
    "Finding",
    "Fix",
    "Severity",
    "Span",
    "Spec",
    "SpecError",
    "load",
    "open_document",
    "parse_text",
]
