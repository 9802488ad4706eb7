"""`cnnwiz predict`: what a run's network says of image files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Protocol

import typer

from cnnwiz.cli.options import Device, Run, Views, Weights, Workers

if TYPE_CHECKING:
    from cnnwiz.prediction import Prediction


def predict(
    run: Run,
    paths: list[str] = typer.Argument(help="Images, folders, quoted patterns; - for a name in each line of stdin."),
    top: int = typer.Option(
        None, "--top", min=1, max=1000, help="How many classes, the most probable first (1), or boxes (all)."
    ),
    weights: Weights = "best",
    tta: Views = "none",
    device: Device = "auto",
    workers: Workers = 2,
    output_format: Literal["table", "json", "csv"] = typer.Option(
        "table", "--output-format", "--format", help="Table for people, a JSON object a line, or CSV."
    ),
) -> int:
    """Name the class of images, or find the objects in them, with a run's network, as many as there are.

    It takes constant memory. Images that cannot be read are told on stderr and skipped; the exit code is then 1.
    A box is left, top, right and bottom as shares of the image's width and height.

    Example: find photos -name '*.jpg' | cnnwiz predict runs/photos-1 - --top 3 --format csv
    """
    import sys

    from cnnwiz.errors import CnnwizError
    from cnnwiz.evaluation import open_trained
    from cnnwiz.prediction import find_files
    from cnnwiz.prediction import predict as answers

    trained = open_trained(run, weights, device)
    if trained.embeds and output_format == "table":
        raise CnnwizError("this run makes embeddings, no classes: take --format json or --format csv")
    printer: Printer = (
        Json() if output_format == "json" else Csv() if output_format == "csv" else Table(trained.classes)
    )
    top = top or (1000 if trained.detects else 1)
    count = unread = 0
    for prediction in answers(trained, find_files(paths, sys.stdin.buffer), top, workers, tta):
        count += 1
        if prediction.error is not None:
            unread += 1
            typer.echo(_line(f"skipped {prediction.error}"), err=True)
        printer.show(prediction)
    if not count:
        raise CnnwizError("no image found: folders are searched for files by extension")
    if unread:
        typer.echo(f"{unread:,} of {count:,} files could not be read", err=True)
    return 1 if unread else 0


SIDES = ("left", "top", "right", "bottom")


class Printer(Protocol):
    """Writes predictions to stdout as they come."""

    def show(self, prediction: Prediction) -> None: ...


class Table:
    """Classes in columns as wide as the longest of them, then the file."""

    def __init__(self, classes: tuple[str, ...]) -> None:
        self.width = min(max(len(_line(name)) for name in classes), 30)
        self.began = False

    def show(self, prediction: Prediction) -> None:
        if prediction.error is not None:
            return
        if prediction.boxes is not None:
            self._boxes(prediction)
            return
        if not self.began:
            self.began = True
            print("  ".join([*(f"{'class':<{self.width}}  share " for _ in prediction.top), "file"]))
        cells = [f"{_line(name)[: self.width]:<{self.width}}  {share:.4f}" for name, share in prediction.top]
        print("  ".join([*cells, _line(prediction.file)]))

    def _boxes(self, prediction: Prediction) -> None:
        """A row for each object, and one for an image without any."""
        if not self.began:
            self.began = True
            print("  ".join([f"{'class':<{self.width}}", "score ", *(f"{side:<6}" for side in SIDES), "file"]))
        for name, score, sides in prediction.boxes or ():
            cells = [f"{_line(name)[: self.width]:<{self.width}}", *(f"{value:.4f}" for value in (score, *sides))]
            print("  ".join([*cells, _line(prediction.file)]))
        if not prediction.boxes:
            print("  ".join([f"{'-':<{self.width}}", *(f"{'-':<6}" for _ in range(5)), _line(prediction.file)]))


class Json:
    """One object a line: file, class, probability and top; file and embedding; file and boxes; or file and error."""

    def show(self, prediction: Prediction) -> None:
        import json

        line: dict[str, Any] = {"file": prediction.file}
        if prediction.error is not None:
            line["error"] = prediction.error
        elif prediction.embedding is not None:
            line["embedding"] = prediction.embedding.tolist()
        elif prediction.boxes is not None:
            line["boxes"] = [{"class": name, "score": score, "box": sides} for name, score, sides in prediction.boxes]
        else:
            line["class"], line["probability"] = prediction.top[0]
            line["top"] = [{"class": name, "probability": share} for name, share in prediction.top]
        print(json.dumps(line, allow_nan=False))


class Csv:
    """A row for each image that was read: file, then class and probability as often as asked, or the embedding. Of
    boxes a row for each."""

    def __init__(self) -> None:
        import csv
        import sys

        self.writer = csv.writer(sys.stdout, lineterminator="\n")
        self.began = False

    def show(self, prediction: Prediction) -> None:
        if prediction.error is not None:
            return
        if prediction.boxes is not None:
            if not self.began:
                self.began = True
                self.writer.writerow(["file", "class", "score", *SIDES])
            for name, score, sides in prediction.boxes:
                numbers = [f"{value:.6f}" for value in (score, *sides)]
                self.writer.writerow([harmless(prediction.file), harmless(name), *numbers])
            return
        numbers = [] if prediction.embedding is None else prediction.embedding.tolist()
        if not self.began:
            self.began = True
            self.writer.writerow(
                ["file", *_titles(len(prediction.top)), *(f"e{place}" for place in range(len(numbers)))]
            )
        pairs = [cell for name, share in prediction.top for cell in (harmless(name), f"{share:.6f}")]
        self.writer.writerow([harmless(prediction.file), *pairs, *numbers])


def _titles(top: int) -> list[str]:
    """class, probability, class_2, probability_2, ..."""
    endings = ["", *(f"_{place}" for place in range(2, top + 1))][:top]
    return [f"{word}{ending}" for ending in endings for word in ("class", "probability")]


def _line(text: str) -> str:
    """Untrusted text that stays on its line."""
    from cnnwiz.cli.plain import visible

    return visible(text).replace("\n", "\\n").replace("\t", "\\t")


def harmless(cell: str) -> str:
    """Untrusted text as a cell that no spreadsheet takes for a formula."""
    shown = _line(cell)
    return f"'{shown}" if shown.startswith(("=", "+", "-", "@")) else shown
