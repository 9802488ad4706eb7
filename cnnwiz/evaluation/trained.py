"""A run's network, ready for use. Runs of others do no harm: what their files say is checked first."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from safetensors import SafetensorError, safe_open

from cnnwiz.catalog.loss import DETECT, EMBED
from cnnwiz.errors import CnnwizError
from cnnwiz.graph import Graph, class_count, input_shape, wire_model
from cnnwiz.nn.fuse import fuse
from cnnwiz.nn.network import Network
from cnnwiz.spec import Spec, load
from cnnwiz.training.checkpoint import read, reason
from cnnwiz.training.device import choose_device
from cnnwiz.training.places import require_run

SLACK = 128 * 2**20  # bytes of a weights' file beside its parameters: the header, running statistics


class Preprocessing(BaseModel):
    """What is done to an image before the network, as the weights' file says it."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

    version: Literal[1]
    channels: Literal[1, 3]
    canvas: int = Field(ge=1, le=8192)
    image_size: int = Field(ge=1, le=4096)
    mean: tuple[Annotated[float, Field(ge=-1e3, le=1e3)], ...]
    std: tuple[Annotated[float, Field(ge=1e-6, le=1e3)], ...]
    fit: Literal["crop", "stretch"] = "crop"

    @model_validator(mode="after")
    def _consistent(self) -> Preprocessing:
        if not len(self.mean) == len(self.std) == self.channels:
            raise ValueError(f"mean and std need {self.channels} numbers")
        if self.canvas < self.image_size:
            raise ValueError("canvas is less than image_size")
        return self


class About(BaseModel):
    """What cnnwiz writes beside the weights, as far as it matters here."""

    model_config = ConfigDict(extra="ignore", strict=True)

    classes: tuple[Annotated[str, Field(max_length=4096)], ...] = Field(min_length=1, max_length=1_000_000)
    preprocessing: Preprocessing
    epoch: int = Field(ge=1)


@dataclass(frozen=True, eq=False)
class Trained:
    """A run's network in evaluation mode on `device`, with what is needed to use it."""

    run: Path
    weights: str  # best or last
    epoch: int  # these weights are those after this many epochs
    spec: Spec
    graph: Graph
    network: Network
    classes: tuple[str, ...]  # in the order of the scores; for task embed those of training
    preprocessing: dict[str, Any]  # as `cnnwiz.data.loader.preprocess` takes it
    device: str

    @property
    def embeds(self) -> bool:
        """Whether the outputs are embeddings instead of scores."""
        return self.spec.task == EMBED

    @property
    def detects(self) -> bool:
        """Whether the outputs are maps of a detection head instead of scores."""
        return self.spec.task == DETECT

    def refuse_boxes(self, command: str) -> None:
        """Raise CnnwizError where the outputs are maps, for what takes scores or embeddings only."""
        if self.detects:
            raise CnnwizError(f"{self.run}: {command} does not take runs of task detect; eval and predict do")


def open_trained(run: Path, weights: str = "best", device: str = "auto", fused: bool = False) -> Trained:
    """The network of a run with its `best` or `last` weights; `fused` folds batch norms into convolutions.

    Raises CnnwizError: 2 where this is no run or nothing is trained yet, 4 where its files are damaged or contradict
    each other.
    """
    spec_file, file = run / "spec.yaml", run / f"{weights}.safetensors"
    require_run(run)
    if not file.is_file():
        raise CnnwizError(f"{run}: has no {weights}.safetensors yet; train at least one epoch")
    place = choose_device(device, "float32")
    spec = load(spec_file)
    about = _about(file)
    shape = input_shape(spec, about.preprocessing.image_size)
    graph = wire_model(spec.model, shape, class_count(spec, len(about.classes)), spec.name)
    if graph.finding:
        raise CnnwizError(f"{spec_file}: {graph.finding.message}")
    stranger = CnnwizError(f"{file}: does not hold the network of {spec_file}", code=4)
    if not 4 * graph.parameters <= file.stat().st_size <= 16 * graph.parameters + SLACK:
        raise stranger  # before anything of either size is made
    tensors, _ = read(file)
    network = Network(graph)
    try:
        network.load_state_dict(tensors)
    except RuntimeError:  # other names or shapes
        raise stranger from None
    network = fuse(network.eval()) if fused else network.eval()
    facts = about.preprocessing.model_dump(mode="json", exclude_defaults=True)
    return Trained(
        run, weights, about.epoch, spec, network.graph, network.to(place.type), about.classes, facts, place.type
    )


def _about(file: Path) -> About:
    """What the file's header says, if it is as cnnwiz writes it. No tensor is read."""
    try:
        with safe_open(file, framework="pt") as opened:
            about = json.loads((opened.metadata() or {})["cnnwiz"])["about"]
        return About.model_validate_json(json.dumps(about))
    except ValidationError as error:
        first = error.errors()[0]
        what = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
        raise CnnwizError(f"{file}: {what}; not as cnnwiz writes it", code=4) from None
    except (KeyError, TypeError, ValueError, RecursionError):
        raise CnnwizError(f"{file}: damaged, or not written by cnnwiz: it has no digest", code=4) from None
    except (OSError, SafetensorError, RuntimeError) as error:  # RuntimeError: longer than the address space allows
        raise CnnwizError(f"{file}: cannot be read: {reason(error)}", code=4) from None
