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

    known = {path.stem: path for path in sorted(folder().glob("*.yaml"))}
    if name is None:
        if output is not None:
            raise CnnwizError(f"which template shall be written to {output}? write cnnwiz templates NAME -o {output}")
        width = max(map(len, known), default=0)
        for stem, path in known.items():
            print(f"{stem:<{width}}  {first_line(path)}")
        return
    path = known.get(name.removesuffix(".yaml"))
    if path is None:
        raise CnnwizError(f"there is no template {name[:100]!r}{_nearest(name, list(known))}")
    text = path.read_text(encoding="utf-8")
    if output is None or str(output) == "-":
        print(text, end="")
        return
    from cnnwiz.cli.new import save

    save(text, output, force)


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
