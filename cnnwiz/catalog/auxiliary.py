"""Auxiliary heads: scores from the middle of a network, whose loss training adds to that of the head."""

from typing import TYPE_CHECKING

from pydantic import Field, model_validator

from cnnwiz.catalog.head import AverageHead, EmbeddingHead, Head
from cnnwiz.catalog.layer import Layer, Net, Tap

if TYPE_CHECKING:
    from typing_extensions import Self


class Auxiliary(Layer):
    """A second classifier at this place: layers and a head of its own, beside the network, which goes on as if it were
    not there. Training adds `weight` times its loss; evaluation, prediction and export do without it.

    Use: networks of 20 layers and more without norm or shortcuts (GoogLeNet, weight 0.3).

    Avoid: networks with shortcuts, whose gradients reach the first layers anyway; task embed, which has no scores.

    Cost: its layers and head, in training only.
    """

    key = "auxiliary"
    papers = ("arXiv:1409.4842",)

    weight: float = Field(default=0.3, gt=0, le=10, description="factor of its loss")
    layers: tuple[Layer, ...] = Field(default=(), description="in front of its head")
    head: Head = Field(default=AverageHead(), description="from the last of these layers to one score per class")

    @model_validator(mode="after")
    def _scores(self) -> "Self":
        if isinstance(self.head, EmbeddingHead):
            raise ValueError("an auxiliary head makes one score per class, which head: embedding does not")
        return self

    def wire(self, net: Net, source: Tap) -> Tap:
        end = net.scope("layers", "layers").wire(self.layers, source)
        net.judge(self.head.wire(net.scope("head", "head", self.head.key), end, net.classes), self.weight)
        return source
