"""`cnnwiz templates`: complete specs to start from."""

from __future__ import annotations

from pathlib import Path

import typer


def templates(
    name: str = typer.Argument(None, help="Template to print. Default: list them."),
    output: Path = typer.Option(None, "--output", "-o", metavar="FILE", help="Write it to this file instead."),
    force: bool = typer.Option(False, "--force", help="Replace the file if it exists."),
) -> None:
    """List complete specs to start from, or print or write one of them.

    Example: cnnwiz templates resnet18 -o mine.yaml
    """
    from cnnwiz.errors import CnnwizError

    if name is None:
        if output is not None:
            raise CnnwizError(f"which template shall be written to {output}? write cnnwiz templates NAME -o {output}")
        known = templates_by_name()
        width = max(map(len, known), default=0)
        for stem, path in known.items():
            print(f"{stem:<{width}}  {first_line(path)}")
        return
    text = path_of(name).read_text(encoding="utf-8")
    if output is None or str(output) == "-":
        print(text, end="")
        return
    from cnnwiz.cli.save import save

    save(text, output, force)


def templates_by_name() -> dict[str, Path]:
    """Every template's file."""
    return {path.stem: path for path in sorted(folder().glob("*.yaml"))}


def path_of(name: str) -> Path:
    """The file of a template. Raises CnnwizError with the nearest name where there is none."""
    from cnnwiz.errors import CnnwizError

    known = templates_by_name()
    if name.removesuffix(".yaml") not in known:
        raise CnnwizError(f"there is no template {name[:100]!r}{_nearest(name, list(known))}")
    return known[name.removesuffix(".yaml")]


def folder() -> Path:
    """Where the templates lie: in the package once it is installed, beside it in a checkout."""
    package = Path(__file__).parents[1]
    inside = package / "templates"
    return inside if inside.is_dir() else package.parent / "templates"


def first_line(path: Path) -> str:
    """What a template is, from the comment it opens with."""
    with path.open(encoding="utf-8") as file:
        return file.readline().lstrip("# ").strip()


def _nearest(name: str, names: list[str]) -> str:
    from difflib import get_close_matches

    close = get_close_matches(name[:100], names, n=1)
    return f"; did you mean {close[0]}?" if close else f"; there are {', '.join(names)}"
