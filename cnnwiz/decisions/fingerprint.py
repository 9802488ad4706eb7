"""What a look at the images found, as plain data for recommendations. `cnnwiz.data.look` does the looking."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

UNEVEN = 4
"""Times the largest class may outnumber the smallest before it is mentioned."""
FEW = 0.05
"""Share of grey images among coloured ones from which on they are mentioned."""
NAMED = 3
"""Damaged files that are named; the others are counted."""


@dataclass(frozen=True)
class Fingerprint:
    """Counts are of all images; sizes and colours are those of `looked` of them, evenly drawn."""

    source: str
    path: str
    """The source and path these are the images of."""
    classes: tuple[str, ...]
    images: tuple[int, ...]
    """Training images of each class."""
    validation: int = 0
    test: int = 0
    sides: tuple[int, int, int] = (32, 32, 32)
    """The shorter side in pixels: smallest, median and largest."""
    square: bool = True
    """Whether all images are squares of one size."""
    grey: float = 0.0
    """Share of images without colour."""
    stored: int = 3
    """Channels as which the source hands images over where `data.channels` says nothing: 1 grey, 3 RGB."""
    looked: int = 0
    unreadable: tuple[str, ...] = ()
    """Each damaged file with the reason."""
    leaked: int = 0
    """Images of validation and test that are also training images, byte for byte."""
    contradicting: int = 0
    """Images that lie, byte for byte, in two classes."""
    compared: bool = True
    """Whether every image was looked at for that."""

    @property
    def total(self) -> int:
        """Training images."""
        return sum(self.images)

    @property
    def channels(self) -> int:
        """1 where no image has colour, else 3."""
        return 1 if self.grey == 1 else 3

    @property
    def signs(self) -> bool:
        """Whether the classes are single letters or digits, which mirrored are other signs or none.

        Arrays have numbers for names, so there only grey images are taken for signs.
        """
        named = all(len(name) == 1 and name.isalnum() for name in self.classes)
        return named and (self.source != "arrays" or self.channels == 1)

    def headline(self) -> str:
        """One line: "10 classes, 50,000 images, RGB, 32 px"."""
        others = (("validation", self.validation), ("test", self.test))
        known = [f"{len(self.classes)} classes", f"{self.total:,} images"]
        known += [f"{count:,} for {name}" for name, count in others if count]
        return ", ".join([*known, "grey" if self.channels == 1 else "RGB", self.size()])

    def size(self) -> str:
        """How large the images are, in words."""
        low, _, high = self.sides
        if self.square:
            return f"{low} px"
        return f"short side {low} px" if low == high else f"short side {low} to {high} px"

    def remarks(self) -> Iterator[str]:
        """What a person should know before training, a sentence each; nothing where all is well."""
        if self.unreadable:
            rest = f" and {len(self.unreadable) - NAMED} more" if len(self.unreadable) > NAMED else ""
            named = "; ".join(self.unreadable[:NAMED])
            yield f"{_counted(len(self.unreadable), 'image')} cannot be read, and training would stop: {named}{rest}."
        if self.leaked:
            yield (
                f"{_counted(self.leaked, 'image')} of validation or test are also training images: "
                "the accuracy will look better than it is."
            )
        if self.contradicting:
            yield f"{_counted(self.contradicting, 'image')} lie in two classes: one of the labels is wrong."
        if FEW < self.grey < 1:
            yield f"{self.grey:.0%} of the images are grey, the others coloured: all become RGB."
        yield from self._uneven()
        if not self.compared:
            yield f"Sizes, colours and damage are those of {self.looked:,} images, evenly drawn; the rest are counted."

    def _uneven(self) -> Iterator[str]:
        most, least = max(self.images), max(min(self.images), 1)
        if most > UNEVEN * least:
            large, small = self.classes[self.images.index(most)], self.classes[self.images.index(min(self.images))]
            always = most / self.total
            yield (
                f"Class {large!r} has {most:,} images, {small!r} {min(self.images):,}: "
                f"always answering {large!r} is already right for {always:.0%}."
            )


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
