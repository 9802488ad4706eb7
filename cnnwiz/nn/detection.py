"""From the map of a detection head to its loss and to boxes. A leaf: imports only torch at module level.

Positions are the cells of the map; lengths are counted in cells, (row + 0.5, column + 0.5) is the centre of one. Boxes
elsewhere are shares of the image: left, top, right, bottom from 0 to 1.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from cnnwiz.nn.losses import Loss

CANDIDATES = 1000  # of an image, before overlapping ones are dropped
MOST_BOXES = 100  # of an image, as COCO counts them


class Boxes(NamedTuple):
    """What was found in an image, the highest score first."""

    boxes: Tensor  # float32 (n, 4), shares of the image
    scores: Tensor  # float32 (n,), 0 to 1
    classes: Tensor  # int64 (n,)


class Fcos(Loss):
    """Focal loss, GIoU loss and centre-ness of a map (B, K + 5, H, W) with targets (B, M, 5); mean over images.

    A row of the targets is a box and its class, or -1, -1, -1, -1 and the class of an image whose boxes nobody drew;
    rows whose class is -1 fill up.
    """

    def __init__(
        self,
        classes: int,
        alpha: float,
        gamma: float,
        radius: float,
        box_weight: float,
        centre_weight: float,
        label_weight: float,
    ) -> None:
        super().__init__()
        self.classes, self.alpha, self.gamma, self.radius = classes, alpha, gamma, radius
        self.box_weight, self.centre_weight, self.label_weight = box_weight, centre_weight, label_weight

    def forward(self, outputs: Tensor, targets: Tensor) -> Tensor:
        boxed = targets[:, :, 2] >= 0  # (B, M)
        labelled = (~boxed & (targets[:, :, 4] >= 0)).any(1)
        total = outputs.new_zeros(())
        if not labelled.all():
            total = total + self.of_boxes(outputs[~labelled], targets[~labelled]).sum()
        if labelled.any():
            total = total + self.label_weight * self.of_labels(outputs[labelled], targets[labelled]).sum()
        return total / len(outputs)

    def of_boxes(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """The loss of each image (B,) whose boxes are known."""
        from torchvision.ops import generalized_box_iou_loss, sigmoid_focal_loss

        scores, distances, centres = taken_apart(outputs, self.classes)
        boxes, matched = matches(targets, outputs.shape[2:], self.radius)
        image, position = (matched >= 0).nonzero(as_tuple=True)
        truth = boxes[image, matched[image, position]]  # (n, 4), in cells
        positions = torch.zeros_like(matched[:, 0]).index_add_(0, image, torch.ones_like(image)).clamp(min=1)

        wanted = torch.zeros_like(scores)
        wanted[image, position, targets[image, matched[image, position], 4].long()] = 1
        focal = sigmoid_focal_loss(scores, wanted, self.alpha, self.gamma).sum((1, 2))

        points = centres_of(outputs)[position]
        overlap = generalized_box_iou_loss(around(points, distances[image, position]), truth)
        sides = torch.cat((points - truth[:, :2], truth[:, 2:] - points), 1)
        low, high = torch.minimum(sides[:, :2], sides[:, 2:]), torch.maximum(sides[:, :2], sides[:, 2:])
        inside = F.binary_cross_entropy_with_logits(
            centres[image, position], (low / high).prod(1).sqrt(), reduction="none"
        )
        placed = torch.zeros_like(focal).index_add(0, image, self.box_weight * overlap + self.centre_weight * inside)
        return (focal + placed) / positions

    def of_labels(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """The loss of each image (B,) of which only the class is known: that of the class where it scores highest."""
        from torchvision.ops import sigmoid_focal_loss

        scores = taken_apart(outputs, self.classes)[0]
        label = targets[:, :, 4].max(1).values.long()
        best = scores.gather(2, label[:, None, None].expand(-1, scores.shape[1], 1)).amax((1, 2))
        return sigmoid_focal_loss(best, torch.ones_like(best), self.alpha, self.gamma)


def found_in(outputs: Tensor, classes: int, threshold: float, overlap: float) -> list[Boxes]:
    """The boxes in each image of a map (B, classes + 5, H, W): those that score `threshold` or more, without those that
    overlap a higher one of their class by more than `overlap`. A score is the root of class times centre-ness."""
    from torchvision.ops import batched_nms

    scores, distances, centres = taken_apart(outputs, classes)
    height, width = outputs.shape[2:]
    shares = (scores.sigmoid() * centres.sigmoid()[:, :, None]).sqrt().flatten(1)
    size = torch.tensor([width, height, width, height], device=outputs.device)
    points, found = centres_of(outputs), []
    for share, distance in zip(shares, distances, strict=True):
        best = share.topk(min(CANDIDATES, int((share >= threshold).sum())))
        position, label = best.indices // classes, best.indices % classes
        boxes = (around(points[position], distance[position]) / size).clamp(0, 1)
        kept = batched_nms(boxes, best.values, label, overlap)[:MOST_BOXES]
        found.append(Boxes(boxes[kept], best.values[kept], label[kept]))
    return found


def taken_apart(outputs: Tensor, classes: int) -> tuple[Tensor, Tensor, Tensor]:
    """A map (B, K + 5, H, W) as scores (B, P, K), distances (B, P, 4) to the left, top, right and bottom in cells, and
    centre-ness (B, P), P = H * W; scores and centre-ness are before the sigmoid."""
    rows = outputs.float().flatten(2).transpose(1, 2)
    furthest = math.log(4 * max(outputs.shape[2:]))  # beyond any box: the exponential must stay finite
    return rows[:, :, :classes], rows[:, :, classes:-1].clamp(max=furthest).exp(), rows[:, :, -1]


def centres_of(outputs: Tensor) -> Tensor:
    """The centres (P, 2) of the cells of a map (B, C, H, W) as x and y, row by row."""
    height, width = outputs.shape[2:]
    y, x = torch.meshgrid(
        torch.arange(height, device=outputs.device) + 0.5,
        torch.arange(width, device=outputs.device) + 0.5,
        indexing="ij",
    )
    return torch.stack((x.flatten(), y.flatten()), 1)


def around(points: Tensor, distances: Tensor) -> Tensor:
    """Boxes (n, 4) around points (n, 2) with these distances (n, 4) to their sides."""
    return torch.cat((points - distances[:, :2], points + distances[:, 2:]), 1)


def matches(targets: Tensor, size: torch.Size, radius: float) -> tuple[Tensor, Tensor]:
    """Targets (B, M, 5) as boxes (B, M, 4) in cells of a map of `size` (H, W), and for each position the number of the
    box it belongs to (B, H * W): the smallest that holds it and whose centre is nearer than `radius`; -1 for none."""
    height, width = size
    boxes = targets[:, :, :4] * targets.new_tensor([width, height, width, height])
    points = centres_of(targets.new_empty((1, 1, height, width)))[None, :, None]  # (1, P, 1, 2)
    low, high = boxes[:, None, :, :2], boxes[:, None, :, 2:]  # (B, 1, M, 2)
    inside = (torch.minimum(points - low, high - points) > 0).all(3)
    near = ((points - (low + high) / 2).abs() < radius).all(3)
    known = (targets[:, :, 2] >= 0)[:, None]
    area = (high - low).prod(3).expand(inside.shape)
    smallest = area.masked_fill(~(inside & near & known), torch.inf).min(2)
    return boxes, smallest.indices.masked_fill(smallest.values.isinf(), -1)
