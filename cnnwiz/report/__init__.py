"""What people look at: one page about one run, or about several side by side."""

from __future__ import annotations

from cnnwiz.report.page import report

__all__ = ["report"]
