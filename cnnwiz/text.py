"""Untrusted text made harmless: names of classes, files and runs must not act on a terminal or a page."""

from __future__ import annotations

import re

# C0 (but newline and tab), DEL, C1, bidirectional controls, surrogates: none may act on the reader's screen.
_UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def visible(text: str) -> str:
    """`text` with control characters written as escapes: ESC becomes \\x1b."""
    return _UNSAFE.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)
