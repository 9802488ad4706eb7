"""Elements of a page. Text is escaped when the tree is written, so no name from outside can become markup."""

from __future__ import annotations

from xml.etree.ElementTree import Element, tostring

from cnnwiz.text import visible

Child = Element | str | None


def element(tag: str, *children: Child, **attributes: str | float | None) -> Element:
    """An element: `element("td", "12", class_="number")`. A None is left out; `_` in names of attributes is `-`."""
    made = Element(tag)
    for name, value in attributes.items():
        if value is not None:
            made.set(name.rstrip("_").replace("_", "-"), visible(value) if isinstance(value, str) else short(value))
    for child in children:
        add(made, child)
    return made


def add(parent: Element, child: Child) -> None:
    """Put text or an element behind what `parent` holds."""
    if isinstance(child, str):
        if len(parent):
            parent[-1].tail = (parent[-1].tail or "") + visible(child)
        else:
            parent.text = (parent.text or "") + visible(child)
    elif child is not None:
        parent.append(child)


def short(number: float) -> str:
    """A coordinate: at most two decimals."""
    return f"{number:.2f}".rstrip("0").rstrip(".") if isinstance(number, float) else str(number)


def written(root: Element) -> str:
    """The tree as HTML."""
    return tostring(root, encoding="unicode", method="html")
