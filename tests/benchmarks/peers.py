"""The loops that cnnwiz is measured against, each as a generator that yields the images of every step it has trained.

All train the same network by SGD with momentum 0.9; how each feeds it is its own affair.
"""

from __future__ import annotations

import contextlib
import itertools
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

MEAN, STD = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)
Steps = Iterator[int]


def small() -> nn.Module:
    """A plain network of 0.3 M parameters for 32 px."""
    widths = (3, 32, 32, 64, 64, 128, 128)
    layers: list[nn.Module] = []
    for number, (before, behind) in enumerate(itertools.pairwise(widths)):
        layers += [nn.Conv2d(before, behind, 3, padding=1, bias=False), nn.BatchNorm2d(behind), nn.ReLU()]
        layers += [nn.MaxPool2d(2)] if number in (1, 3) else []
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(128, 10))


def resnet18() -> nn.Module:
    """ResNet-18 with the stem for 32 px: 3x3, stride 1, no pooling."""
    from torchvision.models import resnet18

    network = resnet18(num_classes=10)
    network.conv1 = nn.Conv2d(3, 64, 3, padding=1, bias=False)
    network.maxpool = nn.Identity()  # type: ignore[assignment]
    return network


NETWORKS: dict[str, tuple[Callable[[], nn.Module], int]] = {"small": (small, 128), "resnet18": (resnet18, 32)}
"""Network and batch size."""


class Trained:
    """A network with its optimizer; `step` trains it on one batch."""

    def __init__(self, name: str, tuned: bool) -> None:
        self.network = NETWORKS[name][0]().train()
        self.tuned = tuned
        if tuned:
            self.network = self.network.to(memory_format=torch.channels_last)
        self.optimizer = torch.optim.SGD(
            self.network.parameters(), 0.01, momentum=0.9, nesterov=True, fused=tuned or None
        )

    def autocast(self) -> Any:
        return torch.autocast("cpu", torch.bfloat16) if self.tuned else contextlib.nullcontext()

    def step(self, images: Tensor, labels: Tensor) -> int:
        self.optimizer.zero_grad(set_to_none=True)
        with self.autocast():
            scores = self.network(images)
        F.cross_entropy(scores.float(), labels).backward()
        self.optimizer.step()
        return len(labels)


def tight(name: str, data: Path, tuned: bool, raised: bool = False) -> Steps:
    """Batches are slices of a normalized float tensor in memory: no file, no augmentation, nothing counted."""
    from torchvision.datasets import ImageFolder
    from torchvision.transforms import v2

    if raised:
        from cnnwiz.training.device import raise_allocator_thresholds

        raise_allocator_thresholds()
    size = NETWORKS[name][1]
    files = ImageFolder(str(data / "train"), v2.Compose([v2.ToImage(), v2.ToDtype(torch.float32, scale=True)]))
    some = range(0, len(files), max(len(files) // (64 * size), 1))
    images = torch.stack([files[number][0] for number in some])[: 64 * size]
    images = (images - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1)
    labels = torch.tensor([files.targets[number] for number in some])[: 64 * size]
    if tuned:
        images = images.to(memory_format=torch.channels_last)
    trained = Trained(name, tuned)
    while True:
        order = torch.randperm(len(images) // size) * size
        for start in order.tolist():
            yield trained.step(images[start : start + size], labels[start : start + size])


def transforms() -> Any:
    """The reference's augmentation: on PIL images, one by one."""
    from torchvision import transforms as t

    return t.Compose([t.RandomCrop(32, padding=4), t.RandomHorizontalFlip(), t.ToTensor(), t.Normalize(MEAN, STD)])


def plain(name: str, data: Path, tuned: bool) -> Steps:
    """torchvision's ImageFolder and torch's DataLoader with one worker, as tutorials have it."""
    from torch.utils.data import DataLoader
    from torchvision.datasets import ImageFolder

    files = ImageFolder(str(data / "train"), transforms())
    loader = DataLoader(files, NETWORKS[name][1], shuffle=True, num_workers=1, drop_last=True, persistent_workers=True)
    trained = Trained(name, tuned)
    while True:
        for images, labels in loader:
            if tuned:
                images = images.to(memory_format=torch.channels_last)
            yield trained.step(images, labels)


def timm(name: str, data: Path, tuned: bool) -> Steps:
    """timm's data set, transforms, loader and optimizer in the step of its train.py."""
    from timm.data import create_dataset, create_loader
    from timm.optim import create_optimizer_v2
    from timm.utils import AverageMeter

    size = NETWORKS[name][1]
    loader = create_loader(
        create_dataset("", str(data), split="train", is_training=True),
        input_size=(3, 32, 32),
        batch_size=size,
        is_training=True,
        use_prefetcher=False,
        no_aug=False,
        scale=(0.6, 1.0),
        mean=MEAN,
        std=STD,
        num_workers=1,
        persistent_workers=True,
    )
    trained = Trained(name, tuned)
    optimizer = create_optimizer_v2(trained.network, "sgd", lr=0.01, momentum=0.9, weight_decay=2e-5)
    losses = AverageMeter()
    while True:
        for images, labels in loader:
            if tuned:
                images = images.contiguous(memory_format=torch.channels_last)
            with trained.autocast():
                loss = F.cross_entropy(trained.network(images).float(), labels)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            losses.update(loss.item(), len(labels))
            yield len(labels)


def lightning(name: str, data: Path, tuned: bool) -> Steps:
    """Lightning's Trainer over the plain loop's loader. It calls us behind every batch, from a thread of its own."""
    import logging
    import queue
    import threading

    import lightning as pl
    from torch.utils.data import DataLoader
    from torchvision.datasets import ImageFolder

    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    warnings.simplefilter("ignore")
    asked: queue.SimpleQueue[None] = queue.SimpleQueue()
    done: queue.SimpleQueue[int] = queue.SimpleQueue()

    class Module(pl.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.trained = Trained(name, tuned)
            self.network = self.trained.network

        def training_step(self, batch: Any, number: int) -> Tensor:
            images, labels = batch
            if tuned:
                images = images.to(memory_format=torch.channels_last)
            return F.cross_entropy(self.network(images).float(), labels)

        def configure_optimizers(self) -> Any:
            return torch.optim.SGD(self.parameters(), 0.01, momentum=0.9, nesterov=True, fused=tuned or None)

        def on_train_batch_end(self, outputs: Any, batch: Any, number: int) -> None:
            done.put(len(batch[1]))
            asked.get()

    files = ImageFolder(str(data / "train"), transforms())
    loader = DataLoader(files, NETWORKS[name][1], shuffle=True, num_workers=1, drop_last=True, persistent_workers=True)
    trainer = pl.Trainer(
        accelerator="cpu",
        precision="bf16-mixed" if tuned else "32-true",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        max_epochs=10_000,
    )
    threading.Thread(target=trainer.fit, args=(Module(), loader), daemon=True).start()
    while True:
        yield done.get()
        asked.put(None)


SPEC = """
cnnwiz: 1
name: {name}
data: {{source: {{folder: {{path: {data}}}}}, image_size: 32, validation: {{fraction: 0.0}}}}
augment: [{{random_crop: {{padding: 4}}}}, horizontal_flip]
model:
  layers: {layers}
optimizer: {{sgd: {{lr: 0.01}}}}
schedule: constant
training: {{batch_size: {batch}, epochs: 1000, precision: {precision}}}
"""
LAYERS = {
    "small": "[{conv: {channels: 32, repeat: 2}}, {pool: {kernel: 2, stride: 2}}, {conv: {channels: 64, repeat: 2}}, "
    "{pool: {kernel: 2, stride: 2}}, {conv: {channels: 128, repeat: 2}}]",
    "resnet18": "[{conv: {channels: 64}}, {basic: {channels: 64, repeat: 2}}, {basic: {channels: 128, stride: 2, "
    "repeat: 2}}, {basic: {channels: 256, stride: 2, repeat: 2}}, {basic: {channels: 512, stride: 2, repeat: 2}}]",
}


def spec_of(name: str, data: Path, precision: str = "auto") -> str:
    """The same network, data and augmentation as a spec."""
    return SPEC.format(name=name, data=data, layers=LAYERS[name], batch=NETWORKS[name][1], precision=precision)


def cnnwiz(name: str, data: Path, tuned: bool, scratch: Path) -> Steps:
    """The training loop of `cnnwiz train`: augmentation, metrics, checkpoints and all."""
    import cnnwiz as package
    from cnnwiz.data.cache import Cache
    from cnnwiz.training.events import Started, Step
    from cnnwiz.training.loop import fit
    from cnnwiz.training.run import Run

    path = scratch / f"{name}.yaml"
    path.write_text(spec_of(name, data))
    spec = package.load(path)
    with Run.create(scratch / f"run-{name}", spec) as run:
        for event in fit(run, "cpu", 2, cache=Cache(scratch / "cache")):
            if isinstance(event, Started):
                expected = sum(parameter.numel() for parameter in NETWORKS[name][0]().parameters())
                assert event.parameters == expected, "not the same network"
            if isinstance(event, Step):
                yield spec.training.batch_size


def folder_pipeline(name: str, data: Path, tuned: bool) -> Steps:
    """ImageFolder with the reference's augmentation, stacked to batches, in this process: no training."""
    from torchvision.datasets import ImageFolder

    files = ImageFolder(str(data / "train"), transforms())
    size = NETWORKS[name][1]
    while True:
        for group in torch.randperm(len(files))[: len(files) // size * size].view(-1, size).tolist():
            yield len(torch.stack([files[number][0] for number in group]))


def cnnwiz_pipeline(name: str, data: Path, tuned: bool, scratch: Path) -> Steps:
    """The batches of `cnnwiz train` from its cache, with the same augmentation: no training."""
    import cnnwiz as package
    from cnnwiz.data.cache import Cache
    from cnnwiz.data.loader import train_batches
    from cnnwiz.data.prepare import prepare
    from cnnwiz.training.device import raise_allocator_thresholds

    raise_allocator_thresholds()
    path = scratch / f"{name}-pipeline.yaml"
    path.write_text(spec_of(name, data))
    spec = package.load(path)
    found = prepare(spec.data, 32, 0, 2, cache=Cache(scratch / "cache"))
    for epoch in range(1000):
        for batch in train_batches(found.train, spec.augment, 32, found.preprocessing, NETWORKS[name][1], 0, epoch):
            yield len(batch.labels)
