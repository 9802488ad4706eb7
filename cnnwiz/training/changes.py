"""A spec that changed since its run began: what differs, what may differ, and what that means for the run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from cnnwiz.catalog.choice import plain
from cnnwiz.errors import CnnwizError
from cnnwiz.spec import Spec
from cnnwiz.spec.finding import show_path
from cnnwiz.spec.phase import Phase
from cnnwiz.spec.stages import sides, stages

ABSENT = "nothing"


class Change(NamedTuple):
    """One value that differs, as it is written in YAML."""

    path: tuple[str | int, ...]
    before: Any
    after: Any

    def __str__(self) -> str:
        return f"{show_path(self.path)}: {_shown(self.before)} -> {_shown(self.after)}"


def differences(before: Any, after: Any, path: tuple[str | int, ...] = ()) -> Iterator[Change]:
    """Where two trees of mappings, lists and scalars differ, in the order of their keys."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in [*before, *(key for key in after if key not in before)]:
            yield from differences(before.get(key, ABSENT), after.get(key, ABSENT), (*path, key))
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, (old, new) in enumerate(zip(before, after, strict=True)):
            yield from differences(old, new, (*path, index))
    elif before != after or type(before) is not type(after):
        yield Change(path, before, after)


def record_of(spec: Spec) -> Any:
    """The spec with every value, as run.json keeps it."""
    return _listed(plain(spec, explicit=True))


def completed(spec: Spec, begun: Spec) -> Spec:
    """A spec with what the data decided when the run began, where it leaves that open."""
    decided = {
        name: value
        for name in ("image_size", "canvas", "channels", "classes")
        if getattr(spec.data, name) is None and (value := getattr(begun.data, name)) is not None
    }
    if _last_size(spec) != _last_size(begun):
        decided.pop("canvas", None)
    return spec.model_copy(update={"data": spec.data.model_copy(update=decided)})


def require_same(before: Any, spec: Spec, where: str) -> None:
    """Raise CnnwizError (code 2) that lists what differs between a record and a spec."""
    found = [str(change) for change in differences(before, record_of(spec))]
    if found:
        raise CnnwizError(f"{where} changed since this run began:\n  " + "\n  ".join(found))


def accepted(begun: Spec, wanted: Spec, epochs_done: int, accept: bool, run: str) -> list[str]:
    """What goes on differently from here, a line each; [] for equal specs.

    With `accept` more (or fewer) epochs to come, other phases to come, and another name are lawful. Raises CnnwizError
    (code 2) with the differences for everything else, and for those too without `accept`.
    """
    found = list(differences(record_of(begun), record_of(wanted)))
    if not found:
        return []
    past = _past(begun, epochs_done)
    lawful = past == _past(wanted, epochs_done)
    if lawful and accept:
        return [f"changed behind epoch {epochs_done}: {change}" for change in found]
    lines = "\n  ".join(str(change) for change in found)
    if lawful:
        advice = (
            f"--accept-changes goes on with them: what {epochs_done} epochs did stays, those to come follow the new "
            "spec, so the result is not that of a run which had it from the start"
        )
    else:
        advice = "only epochs and phases to come may change; start another run without --resume"
    raise CnnwizError(
        f"the spec changed since {run} began:\n  {lines}\n{advice}; without the spec it goes on as it was"
    )


def _past(spec: Spec, epochs: int) -> list[Any]:
    """What each of the first `epochs` depended on, but for how far its schedule had come."""
    found: list[Any] = []
    for phase, stage in zip(spec.phases or (Phase(),), stages(spec), strict=True):
        training = stage.training.model_copy(update={"epochs": 1})
        data = stage.data.model_copy(update={"canvas": None})
        what = record_of(stage.model_copy(update={"name": "any", "training": training, "data": data}))
        sizes = sides(phase, stage.training.epochs, stage.data.image_size or 0)
        found += [(what, side, phase.freeze) for side in sizes]
    return found[:epochs]


def _last_size(spec: Spec) -> int | None:
    return (spec.phases[-1].image_size if spec.phases else None) or spec.data.image_size


def _listed(data: Any) -> Any:
    """Tuples as lists, which is all that YAML and JSON hold."""
    if isinstance(data, dict):
        return {key: _listed(value) for key, value in data.items()}
    return [_listed(item) for item in data] if isinstance(data, (list, tuple)) else data


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return f"a list of {len(value)}"
    return str(value) if not isinstance(value, dict) else " ".join(value)
