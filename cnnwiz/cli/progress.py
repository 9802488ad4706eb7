"""What training looks like: a row per epoch and a live line on a terminal, plain or JSON lines elsewhere."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from cnnwiz.cli.console import is_plain
from cnnwiz.cli.pace import Pace
from cnnwiz.cli.plain import draw_over, visible

if TYPE_CHECKING:
    from cnnwiz.training.events import Epoch, Event, Finished, Started, Step

FILES = ("best.safetensors", "last.safetensors", "metrics.jsonl", "run.json", "spec.yaml", "written.yaml")
"""What a finished run is told to hold; written.yaml is not there where training was started from Python."""
HEARTBEAT = 60.0
"""Seconds after which a run without a terminal says that it is alive."""


class Reporter(Protocol):
    """Consumes the events of a run."""

    def loading(self) -> None: ...
    def reading(self, done: int, total: int) -> None: ...
    def event(self, event: Event) -> None: ...
    def already_finished(self, run_dir: Path) -> None: ...


def reporter(as_json: bool, quiet: bool) -> Reporter:
    """The reporter for this terminal or pipe."""
    if as_json:
        return JsonLines()
    return Lines(live=sys.stderr.isatty() and not is_plain() and not quiet, quiet=quiet)


class Silent:
    """Says nothing: for ranks that do not lead."""

    def loading(self) -> None:
        pass

    def reading(self, done: int, total: int) -> None:
        pass

    def event(self, event: Event) -> None:
        pass

    def already_finished(self, run_dir: Path) -> None:
        pass


class JsonLines:
    """Every event but single steps as a JSON object on stdout."""

    def loading(self) -> None:
        pass

    def reading(self, done: int, total: int) -> None:
        if done == total:
            self._print({"event": "reading", "done": done, "total": total})

    def event(self, event: Event) -> None:
        if type(event).__name__ != "Step":
            self._print(event.as_json())

    def already_finished(self, run_dir: Path) -> None:
        self._print({"event": "already_finished", "run_dir": str(run_dir)})

    def _print(self, line: dict[str, Any]) -> None:
        print(json.dumps(line, allow_nan=False), flush=True)


class Lines:
    """Rows on stderr, the result on stdout. `live` adds one line below the rows that is drawn over."""

    def __init__(self, live: bool, quiet: bool) -> None:
        self.live, self.quiet = live, quiet
        self.started: Started | None = None
        self.pace: Pace | None = None
        self.drawn = 0.0
        self.spoken = time.monotonic()

    def loading(self) -> None:
        self._draw("loading torch...", force=True)

    def reading(self, done: int, total: int) -> None:
        self._draw(f"reading images {done:,}/{total:,}", force=done == total)

    def already_finished(self, run_dir: Path) -> None:
        self._say(f"{run_dir} is finished; nothing to do. Results: {run_dir / 'run.json'}")

    def event(self, event: Event) -> None:
        handler = getattr(self, f"_on_{type(event).__name__.lower()}")
        handler(event)

    def _on_notice(self, event: Any) -> None:
        self._say(f"note    {event.text}")

    def _on_started(self, event: Started) -> None:
        self.started, self.pace = event, Pace(event)
        test = f", {event.test_images:,} test images untouched until the end" if event.test_images else ""
        self._say(f"{event.name}  {event.parameters:,} parameters  seed {event.seed}  {event.run_dir}")
        self._say(f"data    {event.train_images:,} train, {event.validation_images:,} validation{test}")
        self._say(f"device  {event.device}, {event.threads} threads, {event.precision}")
        self._say(f"steps   {event.steps_per_epoch} of {event.batch_size} images, {event.epochs} epochs")
        if event.epoch:
            self._say(f"resume  behind epoch {event.epoch}")
        if self.live:
            self._say("\n  epoch        lr   train loss   acc     val loss   acc      img/s    time")

    def _on_phase(self, event: Any) -> None:
        size = f"{event.last_size} px"
        if event.first_size != event.last_size:
            size = f"{event.first_size} to {size}"
        rest = f", {event.freeze} lines frozen" if event.freeze else ""
        self._say(f"phase   {event.number} of {event.phases}: {event.epochs} epochs at {size}, lr {event.lr:g}{rest}")

    def _on_step(self, event: Step) -> None:
        assert self.pace, "steps come after the start"
        self.pace.step(event)
        now = time.monotonic()
        loss = "" if event.loss is None else f"{event.loss:.4f}"
        if self.live and now - self.drawn > 0.1:
            bar = "#" * round(20 * event.step / event.steps)
            left = self.pace.left(event)
            at = time.strftime("%H:%M", time.localtime(time.time() + left))
            self._draw(
                f" {event.epoch + 1:>3}/{self.pace.epochs} [{bar:<20}] {event.step}/{event.steps}  {loss}  "
                f"{self.pace.images_per_second(event):,.0f} img/s  {_minutes(left)} left ({at})"
            )
        elif not self.live and now - self.spoken > HEARTBEAT:
            known = f" loss={loss}" if loss else ""
            at = f"epoch={event.epoch + 1}/{self.pace.epochs} step={event.step}/{event.steps}"
            self._say(f"{_clock()} {at}{known} eta={self.pace.left(event):.0f}s alive")

    def _on_epoch(self, event: Epoch) -> None:
        assert self.pace, "epochs come after the start"
        self.pace.epoch()
        total = self.pace.epochs
        if not self.live:
            shares = {
                "acc": event.train_accuracy,
                "val_loss": event.val_loss,
                "val_acc": event.val_accuracy,
                "val_auc": event.val_auc,
                "val_map50": event.val_map50,
            }
            known = "".join(f" {name}={value:.4f}" for name, value in shares.items() if value is not None)
            self._say(
                f"{_clock()} epoch={event.epoch}/{total} lr={event.lr:.5g} loss={event.train_loss:.4f}"
                f"{known} sec={event.seconds:.1f} img_s={event.images_per_second:.0f} "
                f"eta={self.pace.left_behind(event.epoch):.0f}s"
            )
            return
        val = " " * 19
        shown = event.val_map50 if event.val_accuracy is None else event.val_accuracy
        if shown is not None:
            val = f"{_number(event.val_loss):>10}  {shown:.4f}{'*' if event.best else ' '}"
        accuracy = _number(event.train_accuracy)
        self._say(
            f"{event.epoch:>4}/{total:<4} {event.lr:>8.5f}  {event.train_loss:>10.4f}  {accuracy:<6} "
            f"{val} {event.images_per_second:>9,.0f} {event.seconds:>6.1f}s"
        )

    def _on_stopped(self, event: Any) -> None:
        self._say(f"saved {event.run_dir} (epoch {event.epoch + 1}, step {event.step})")
        self._say(f"go on with: cnnwiz train --resume {event.run_dir}")

    def _on_finished(self, event: Finished) -> None:
        self._clear()
        metrics = event.metrics
        print(f"done in {_minutes(event.seconds)}")
        if "val_accuracy" in metrics:
            print(f"validation accuracy {metrics['val_accuracy']:.4f}  (best epoch{_verified(metrics, 'val')})")
        for split, name in (("val", "validation, best epoch"), ("test", "test")):
            if (found := metrics.get(f"{split}_map")) is not None:
                print(f"mAP at IoU 0.5 {metrics[f'{split}_map50']:.4f}, 0.5 to 0.95 {found:.4f}  ({name})")
        if "test_accuracy" in metrics:
            images = self.started.test_images if self.started else 0
            seen = f"{images:,} images, seen once{_verified(metrics, 'test')}"
            print(f"test accuracy       {metrics['test_accuracy']:.4f}  ({seen})")
        made = [name for name in FILES if (Path(event.run_dir) / name).is_file()]
        print(visible(f"files in {event.run_dir}: {' '.join(made)}"))

    def _say(self, text: str) -> None:
        if not self.quiet:
            self._clear()
            sys.stderr.write(visible(text) + "\n")
            sys.stderr.flush()
            self.spoken = time.monotonic()

    def _draw(self, text: str, force: bool = False) -> None:
        """Put `text` into the live line, at most ten times a second."""
        now = time.monotonic()
        if not self.live or not (force or now - self.drawn > 0.1):
            return
        draw_over(text)
        self.drawn = now

    def _clear(self) -> None:
        if self.live:
            draw_over("")


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


def _verified(metrics: dict[str, Any], split: str) -> str:
    """What is said beside the accuracy of nearest neighbours for task embed."""
    found = metrics.get(f"{split}_auc")
    return "" if found is None else f"; by nearest neighbour, ROC AUC of pairs {found:.4f}"


def _clock() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S")


def _minutes(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 60 else f"{int(seconds // 60)} min {seconds % 60:.0f} s"
