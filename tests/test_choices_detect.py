"""Task detect: the loss and the boxes against torchvision, average precision against COCO's own code, boxes that follow
flips, a head whose numbers are exact."""

from __future__ import annotations

import contextlib
import io
import math
from functools import cache

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from torch import nn
from torch.nn import functional as F
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.fcos import FCOS

from cnnwiz.catalog.augmentation import AlternatingFlip, Augmentation, HorizontalFlip, VerticalFlip
from cnnwiz.catalog.detection import PRIOR, Fcos
from cnnwiz.data.keyed import uniform
from cnnwiz.graph import graph_of
from cnnwiz.nn.detection import Boxes, found_in
from cnnwiz.nn.network import build
from cnnwiz.spec import parse_text
from cnnwiz.training.detect import mean_precision, precisions

CLASSES, SIDE, STRIDE = 3, 6, 512
PIXELS = SIDE * STRIDE
"""Large, because torchvision takes areas that differ by less than 8 pixels for equal."""


class Backbone(nn.Module):
    out_channels = 32


@cache
def torchvisions(radius: float = 1.5) -> FCOS:
    """FCOS with one map, whose parts are called below; nothing of it is trained."""
    anchors = AnchorGenerator(sizes=((STRIDE,),), aspect_ratios=((1.0,),))
    model = FCOS(Backbone(), CLASSES, anchor_generator=anchors, center_sampling_radius=radius, topk_candidates=1000)
    model.score_thresh, model.nms_thresh, model.detections_per_img = 0.05, 0.6, 100
    return model


def anchors() -> torch.Tensor:
    """A square of the stride around the centre of each position, in pixels, row by row: what torchvision counts in."""
    corners = torch.arange(SIDE) * float(STRIDE)
    top, left = torch.meshgrid(corners, corners, indexing="ij")
    return torch.stack((left, top, left + STRIDE, top + STRIDE), 2).reshape(-1, 4)


def as_torchvision(maps: torch.Tensor) -> dict[str, torch.Tensor]:
    """A map of ours as the outputs of torchvision's head, whose distances are in strides and not exponents."""
    rows = maps.flatten(2).transpose(1, 2)
    return {
        "cls_logits": rows[..., :CLASSES],
        "bbox_regression": rows[..., CLASSES:-1].exp(),
        "bbox_ctrness": rows[..., -1:],
    }


def random_maps(count: int, seed: int) -> torch.Tensor:
    """Distances stay below the limit that ours have, 4 times the map."""
    maps = torch.randn(count, CLASSES + 5, SIDE, SIDE, generator=torch.Generator().manual_seed(seed))
    return maps.clamp(max=math.log(3 * SIDE))


def random_targets(counts: list[int], seed: int) -> torch.Tensor:
    """So many boxes in each image, of at least a tenth of its side."""
    generator = np.random.default_rng(seed)
    targets = np.full((len(counts), max(counts, default=0) + 1, 5), -1, np.float32)
    for image, count in enumerate(counts):
        size = generator.uniform(0.1, 0.9, (count, 2))
        corner = generator.uniform(0, 1 - size)
        targets[image, :count] = np.concatenate(
            (corner, corner + size, generator.integers(0, CLASSES, (count, 1))), axis=1
        )
    return torch.from_numpy(targets)


COUNTS = st.lists(st.integers(0, 6), min_size=1, max_size=4)


@settings(max_examples=40, deadline=None)
@given(counts=COUNTS, seed=st.integers(0, 2**32 - 1), radius=st.sampled_from([0.7, 1.5, 3.0]))
def test_the_loss_is_torchvisions_image_by_image(counts: list[int], seed: int, radius: float) -> None:
    maps, targets = random_maps(len(counts), seed).requires_grad_(), random_targets(counts, seed)
    ours = Fcos(radius=radius, box_weight=0.5, centre_weight=2.0).build(CLASSES)(maps, targets)
    model, expected = torchvisions(radius), torch.zeros(())
    for image, truth in zip(maps, targets, strict=True):
        truth = truth[truth[:, 4] >= 0]
        target = {"boxes": truth[:, :4] * PIXELS, "labels": truth[:, 4].long()}
        losses = model.compute_loss([target], as_torchvision(image[None]), [anchors()], [SIDE * SIDE])
        expected = expected + losses["classification"] + 0.5 * losses["bbox_regression"] + 2 * losses["bbox_ctrness"]
    expected = expected / len(counts)
    assert ours.item() == pytest.approx(expected.item(), rel=1e-4)
    (gradient,) = torch.autograd.grad(ours, maps, retain_graph=True)
    (theirs,) = torch.autograd.grad(expected, maps)
    assert torch.allclose(gradient, theirs, atol=1e-5, rtol=1e-3)


def test_micro_batches_and_padding_change_nothing() -> None:
    maps, targets = random_maps(4, 1), random_targets([3, 0, 5, 1], 1)
    loss = Fcos().build(CLASSES)
    whole = loss(maps, targets)
    parts = [loss(maps[part], targets[part]) for part in (slice(0, 1), slice(1, 4))]
    assert whole.item() == pytest.approx((parts[0] + 3 * parts[1]).item() / 4, rel=1e-6)
    assert loss(maps, F.pad(targets, (0, 0, 0, 7), value=-1)).item() == pytest.approx(whole.item(), rel=1e-6)


def test_focal_weights_are_those_of_the_formula() -> None:
    """One position, one class, no box: -(1 - alpha) p^gamma log(1 - p)."""
    maps = torch.zeros(1, 6, 1, 1)
    maps[0, 0] = 0.3
    p = 1 / (1 + math.exp(-0.3))
    found = Fcos(alpha=0.4, gamma=1.5).build(1)(maps, torch.full((1, 1, 5), -1.0))
    assert found.item() == pytest.approx(-0.6 * p**1.5 * math.log(1 - p), rel=1e-5)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), label=st.integers(0, CLASSES - 1))
def test_an_image_with_a_class_alone_teaches_the_best_position_only(seed: int, label: int) -> None:
    maps = random_maps(2, seed).requires_grad_()
    targets = random_targets([3, 0], seed)
    targets[1, 0] = torch.tensor([-1, -1, -1, -1, label])
    assume((maps[1, label] == maps[1, label].max()).sum() == 1)  # of equal positions each takes its share
    loss = Fcos(label_weight=0.5).build(CLASSES)
    total = loss(maps, targets)
    logit = maps[1, label].max().item()
    p = 1 / (1 + math.exp(-logit))
    of_label = -0.5 * 0.25 * (1 - p) ** 2 * math.log(p)
    alone = loss(maps[:1], targets[:1]).item()
    assert total.item() == pytest.approx((alone + of_label) / 2, rel=1e-4)
    (gradient,) = torch.autograd.grad(total, maps)
    touched = gradient[1].nonzero()
    assert touched.tolist() == [[label, *divmod(int(maps[1, label].argmax()), SIDE)]]  # no box, no other class
    assert gradient[1].sum() < 0  # its score shall rise


def test_a_huge_distance_stays_finite() -> None:
    maps = torch.full((1, CLASSES + 5, SIDE, SIDE), 1e4).requires_grad_()
    loss = Fcos().build(CLASSES)(maps, random_targets([2], 0))
    loss.backward()
    assert math.isfinite(loss.item())
    assert maps.grad is not None
    assert maps.grad.isfinite().all()


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_boxes_are_those_that_torchvision_picks(seed: int) -> None:
    maps = random_maps(2, seed)
    ours = found_in(maps, CLASSES, 0.05, 0.6)
    outputs = {name: [rows] for name, rows in as_torchvision(maps).items()}
    theirs = torchvisions().postprocess_detections(outputs, [[anchors()]] * 2, [(PIXELS, PIXELS)] * 2)
    for found, expected in zip(ours, theirs, strict=True):
        assert torch.allclose(found.scores, expected["scores"], atol=1e-6)
        assert torch.equal(found.classes, expected["labels"])
        assert torch.allclose(found.boxes, expected["boxes"] / PIXELS, atol=1e-5)


def test_no_boxes_where_none_scores_enough() -> None:
    (found,) = found_in(torch.full((1, CLASSES + 5, SIDE, SIDE), -20.0), CLASSES, 0.05, 0.6)
    assert found.boxes.shape == (0, 4)
    assert found.scores.shape == found.classes.shape == (0,)


def cocos(found: list[Boxes], targets: np.ndarray) -> tuple[float, float]:
    """AP and AP50 by pycocotools, of boxes as shares; areas of images of 100 pixels do not matter to either."""
    images = [{"id": number} for number in range(len(found))]
    annotations = [
        {"id": 0, "image_id": image, "category_id": int(row[4]), "bbox": corner_and_size(row[:4]), "iscrowd": 0}
        | {"area": float((row[2] - row[0]) * (row[3] - row[1]) * 1e4)}
        for image, rows in enumerate(targets)
        for row in rows[rows[:, 4] >= 0]
    ]
    results = [
        {"image_id": image, "category_id": int(label), "bbox": corner_and_size(box), "score": float(score)}
        for image, some in enumerate(found)
        for box, score, label in zip(some.boxes.numpy(), some.scores, some.classes, strict=True)
    ]
    for number, row in enumerate(annotations, 1):
        row["id"] = number
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO()
        truth.dataset = {
            "images": images,
            "annotations": annotations,
            "categories": [{"id": label} for label in range(CLASSES)],
        }
        truth.createIndex()
        judged = COCOeval(truth, truth.loadRes(results) if results else COCO(), "bbox")
        if not results:
            return 0.0, 0.0
        judged.evaluate()
        judged.accumulate()
        judged.summarize()
    return float(judged.stats[0]), float(judged.stats[1])


def corner_and_size(box: np.ndarray) -> list[float]:
    left, top, right, bottom = (100 * float(side) for side in box)
    return [left, top, right - left, bottom - top]


@settings(max_examples=30, deadline=None)
@given(counts=COUNTS, seed=st.integers(0, 2**32 - 1), noise=st.sampled_from([0.0, 0.02, 0.08]))
def test_average_precision_is_that_of_coco(counts: list[int], seed: int, noise: float) -> None:
    targets = random_targets(counts, seed).numpy()
    generator, found = np.random.default_rng(seed + 1), []
    for rows in targets:
        true = rows[rows[:, 4] >= 0]
        wrong = random_targets([int(generator.integers(0, 4))], int(generator.integers(2**32))).numpy()[0]
        boxes = np.concatenate((true, true[: len(true) // 2], wrong[wrong[:, 4] >= 0]))  # some found twice, some wrong
        moved = boxes[:, :4] + generator.normal(0, noise, (len(boxes), 4)).astype(np.float32)
        moved[:, 2:] = np.maximum(moved[:, 2:], moved[:, :2] + 0.01)
        scores = np.sort(generator.permutation(1000)[: len(boxes)] / 1000)[::-1].astype(np.float32)
        labels = np.where(generator.uniform(size=len(boxes)) < 0.1, 0, boxes[:, 4]).astype(np.int64)
        shuffled = generator.permutation(len(boxes))
        found.append(Boxes(*(torch.from_numpy(a.copy()) for a in (moved[shuffled], scores, labels[shuffled]))))
    ours = mean_precision(precisions(found, targets, CLASSES))
    expected = cocos(found, targets) if any(counts) else (None, None)
    assert ours["map"] == (None if expected[0] is None else pytest.approx(expected[0], abs=1e-6))
    assert ours["map50"] == (None if expected[1] is None else pytest.approx(expected[1], abs=1e-6))


def test_a_perfect_detector_scores_1_and_a_blind_one_0() -> None:
    targets = random_targets([4, 0, 2], 5)
    perfect = [
        Boxes(rows[:, :4], torch.linspace(1, 0.5, len(rows)), rows[:, 4].long())
        for rows in (image[image[:, 4] >= 0] for image in targets)
    ]
    rows = precisions(perfect, targets.numpy(), CLASSES)
    assert mean_precision(rows) == {"map": 1.0, "map50": 1.0}
    blind = [Boxes(torch.empty(0, 4), torch.empty(0), torch.empty(0, dtype=torch.int64))] * 3
    assert mean_precision(precisions(blind, targets.numpy(), CLASSES)) == {"map": 0.0, "map50": 0.0}
    assert mean_precision(precisions(blind[1:2], targets.numpy()[1:2], CLASSES)) == {"map": None, "map50": None}


def drawn_box(image: torch.Tensor) -> list[float]:
    """The extent of what is bright in (1, S, S), as shares."""
    rows, columns = (image[0] > 100).nonzero(as_tuple=True)
    side = image.shape[1]
    ends = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
    return [int(end) / side for end in ends]


@settings(max_examples=25, deadline=None)
@given(
    step=st.sampled_from([HorizontalFlip(), VerticalFlip(), AlternatingFlip(), HorizontalFlip(probability=0.9)]),
    epoch=st.integers(0, 3),
    seed=st.integers(0, 1000),
)
def test_boxes_follow_flips(step: Augmentation, epoch: int, seed: int) -> None:
    assert step.keeps_boxes
    count, side = 8, 20
    generator = np.random.default_rng(seed)
    images, boxes = torch.zeros(count, 1, side, side, dtype=torch.uint8), torch.full((count, 2, 5), -1.0)
    for image in range(count - 1):  # the last has a class and no box
        left, top = generator.integers(0, 10, 2)
        wide, high = generator.integers(1, 10, 2)
        images[image, 0, top : top + high, left : left + wide] = 255
        shares = torch.tensor([left, top, left + wide, top + high]) / side
        boxes[image, 0] = torch.tensor([*shares.tolist(), 1.0])
    boxes[-1, 0, 4] = 2.0

    def draw(epoch: int):
        return lambda numbers: torch.from_numpy(uniform(seed, epoch, np.arange(count), 0, numbers)).float()

    images = images.contiguous(memory_format=torch.channels_last)
    moved, after = step.apply_in(epoch, images, draw, side), step.move_in(epoch, boxes, draw)
    for image in range(count - 1):
        assert after[image, 0, :4].tolist() == pytest.approx(drawn_box(moved[image]))
        assert after[image, 0, 4] == 1
        assert (after[image, 1] == -1).all()
    assert torch.equal(after[-1], boxes[-1])


HEAD = """
cnnwiz: 1
task: detect
data: {{source: {{pascal_voc: {{path: nowhere}}}}, classes: 3, image_size: 40}}
model:
  layers:
    - conv: {{channels: 8, stride: 2}}
    - conv: {{channels: 12, stride: 2}}
  head: {{detection: {{depth: {depth}, channels: 10}}}}
loss: fcos
"""


@pytest.mark.parametrize("depth", [0, 1, 2])
def test_shapes_parameters_and_multiply_adds_of_the_head_are_exact(depth: int) -> None:
    spec = parse_text(HEAD.format(depth=depth)).spec
    assert spec is not None
    graph, network = graph_of(spec), build(spec)
    macs = 0

    def count(module: nn.Conv2d, inputs: tuple[torch.Tensor], output: torch.Tensor) -> None:
        nonlocal macs
        macs += output[0].numel() * module.weight[0].numel()

    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_hook(count)
    output = network.eval()(torch.randn(1, 3, 40, 40))
    assert tuple(output.shape[1:]) == graph.output == (3 + 5, 10, 10)
    assert graph.macs == macs
    assert graph.parameters == sum(parameter.numel() for parameter in network.parameters())
    # Scores begin near the prior: weights of the last convolutions are small.
    assert output[0, :3].sigmoid().mean().item() == pytest.approx(PRIOR, rel=0.5)
    assert network.get_parameter("head.scores.bias").tolist() == pytest.approx([math.log(1 / 99)] * 3)
