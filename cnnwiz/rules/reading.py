"""CNN901 to CNN911: what `cnnwiz.spec` finds while it reads a file. Here are only their pages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnnwiz.rules.rule import Rule

if TYPE_CHECKING:
    from cnnwiz.rules.subject import Subject
    from cnnwiz.spec import Finding

GOOD = "cnnwiz: 1\nmodel:\n  layers:\n    - conv: {channels: 16}\n"


class FileRule(Rule):
    """A finding about the file itself; the reader makes it before there is a spec to check."""

    severity = "error"
    abstains = "Never."
    good = (GOOD,)

    def check(self, subject: Subject) -> Iterator[Finding]:
        return iter(())


class YamlSyntax(FileRule):
    code = "CNN901"
    name = "yaml-syntax"
    what = "The file is not YAML, or not one mapping in UTF-8."
    why = "A file that cannot be read as a tree of keys and values says nothing about a network."
    do = "Mend the place that is shown; brackets, quotes and indentation are the usual suspects."
    bad = ("cnnwiz: [1\nmodel: {}\n", "- conv\n")


class UnknownKey(FileRule):
    code = "CNN902"
    name = "unknown-key"
    what = "A key that does not exist at this place."
    why = "A key that is silently dropped is a decision that is silently not taken."
    do = "Correct its spelling or remove it; `cnnwiz schema` lists all keys."
    bad = (GOOD + "trainning: {epochs: 3}\n",)


class WrongValue(FileRule):
    code = "CNN903"
    name = "wrong-value"
    what = "A value of the wrong type or outside the limits of its key."
    why = "What cannot be obeyed must not look as if it were."
    do = "Write a value of the kind the message names."
    bad = (GOOD + "training: {epochs: many}\n",)


class DuplicateKey(FileRule):
    code = "CNN904"
    name = "duplicate-key"
    what = "A key that stands twice in the same mapping."
    why = "YAML readers keep the last one without a word, so the first one would be a lie."
    do = "Keep one of them; `cnnwiz lint --fix` removes one that only repeats what stands there."
    bad = (GOOD + "name: a\nname: b\n", GOOD + "name: a\nname: a\n")


class NumberAsText(FileRule):
    code = "CNN905"
    name = "number-as-text"
    severity = "warning"
    what = "A number in a form that YAML 1.1 takes for a text, such as 1e-3."
    why = "cnnwiz reads it as the number; other programs that read the file will see a text."
    do = "Write 0.001 or 1.0e-3."
    good = (GOOD + "optimizer: {sgd: {lr: 0.01}}\n",)
    bad = (GOOD + "optimizer: {sgd: {lr: 1e-2}}\n",)


class AmbiguousWord(FileRule):
    code = "CNN906"
    name = "ambiguous-word"
    what = "A bare yes, no, on or off."
    why = "To some YAML readers these are true and false, to others texts."
    do = "Write true or false, or quote the word."
    bad = (GOOD + "name: no\n",)


class ForbiddenYaml(FileRule):
    code = "CNN907"
    name = "forbidden-yaml"
    what = "Tags, anchors, aliases, merge keys, or a second document."
    why = "They make the file say something else than it shows, and can grow without bound."
    do = "Write the values out; use `repeat` for layers that repeat."
    bad = (GOOD + "name: &n net\n",)


class DocumentTooLarge(FileRule):
    code = "CNN908"
    name = "document-too-large"
    what = "More than 1 MiB, 20,000 values, 32 levels, or a text of 10,000 characters."
    why = "A spec is a page; what is larger is another kind of file, or an attack."
    do = "Use `repeat` for layers that repeat."
    bad = (GOOD + f"name: {'[' * 33}{']' * 33}\n",)


class MissingKey(FileRule):
    code = "CNN909"
    name = "missing-key"
    what = "A key without a default is not there."
    why = "Without it there is nothing to build."
    do = "Add the key that the message names."
    bad = ("cnnwiz: 1\nmodel:\n  layers:\n    - conv: {kernel: 3}\n",)


class NewerFormat(FileRule):
    code = "CNN910"
    name = "newer-format"
    what = "The file is of a later format than this cnnwiz reads."
    why = "An older program would misunderstand it."
    do = "Upgrade cnnwiz."
    bad = ("cnnwiz: 2\nmodel:\n  layers:\n    - conv: {channels: 16}\n",)


class UnknownChoice(FileRule):
    code = "CNN911"
    name = "unknown-choice"
    what = "A name that no choice of this section has."
    why = "There is nothing it could stand for."
    do = "Take one of the names the message lists."
    bad = ("cnnwiz: 1\nmodel:\n  defaults: {activation: rellu}\n  layers:\n    - conv: {channels: 16}\n",)


READING: tuple[Rule, ...] = (
    YamlSyntax(),
    UnknownKey(),
    WrongValue(),
    DuplicateKey(),
    NumberAsText(),
    AmbiguousWord(),
    ForbiddenYaml(),
    DocumentTooLarge(),
    MissingKey(),
    NewerFormat(),
    UnknownChoice(),
)
