"""The text that answers make, and writing it: the whole file or nothing, and what was there before is kept."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from cnnwiz.cli.write import replacing
from cnnwiz.errors import CnnwizError

if TYPE_CHECKING:
    from cnnwiz.decisions import Answers
    from cnnwiz.decisions.amend import Amended
    from cnnwiz.spec import Document

HEADER = """\
# yaml-language-server: $schema=cnnwiz.schema.json
# cnnwiz schema > cnnwiz.schema.json lets editors complete this; cnnwiz explain KEY tells why.
"""


def text_of(answers: Answers, document: Document | None) -> Amended:
    """The YAML that these answers make: that of the document with what has changed, or a new one that says why."""
    from cnnwiz.decisions import reasons, spec_from
    from cnnwiz.decisions.amend import Amended, amend
    from cnnwiz.spec.write import write

    spec = spec_from(answers)
    if document is None:
        return Amended(HEADER + write(spec, reasons(answers)), ())
    return amend(document, spec, reasons(answers))


def save(text: str, path: Path, force: bool) -> Path | None:
    """Write the whole file or nothing: a new file beside it, then one rename. Raises CnnwizError, 2 or 4.

    With `force` a file that is there becomes NAME.bak; its path is returned.
    """
    if path.exists() and not force:
        raise CnnwizError(f"{path} exists; give another name, or --force to replace it")
    kept = path.with_name(f"{path.name}.bak") if path.exists() else None
    with replacing(path, text.encode("utf-8"), path):
        if kept:
            with replacing(kept, path.read_bytes(), path) as copy:
                shutil.copystat(path, copy)
    return kept
