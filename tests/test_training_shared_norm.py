"""Batch norm over several ranks against torch's on the whole batch: outputs, gradients, statistics, compiled or not."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from test_training_mesh import meshes
from torch import nn

from cnnwiz.errors import CnnwizError
from cnnwiz.spec import parse_text
from cnnwiz.training.distributed import Ranks, require_equal_parts
from cnnwiz.training.shared_norm import SharedBatchNorm, _statistics

CHANNELS = 5


def network(kind: type[nn.Module], settings: dict[str, object], scale: torch.Tensor) -> nn.Module:
    made = kind(CHANNELS, **settings)
    if settings["affine"]:
        with torch.no_grad():
            made.get_parameter("weight").copy_(scale)
            made.get_parameter("bias").copy_(scale.flip(0))
    return made


def passed(norm: nn.Module, batches: list[torch.Tensor], slopes: list[torch.Tensor]) -> list[torch.Tensor]:
    """Outputs and gradients of some batches one after the other."""
    found = []
    for batch, slope in zip(batches, slopes, strict=True):
        x = batch.clone(memory_format=torch.preserve_format).requires_grad_()
        y = norm(x)
        (y.to(slope.dtype) * slope).sum().backward()
        assert x.grad is not None
        found += [y.detach(), x.grad]
    return found


@given(
    count=st.integers(2, 3),
    images=st.integers(3, 7),
    side=st.sampled_from([None, 1, 3]),
    affine=st.booleans(),
    track=st.booleans(),
    momentum=st.sampled_from([0.1, 0.6, None]),
    kind=st.sampled_from([torch.float32, torch.bfloat16]),
    seed=st.integers(0, 1000),
)
def test_ranks_compute_what_one_does_on_the_whole_batch(count, images, side, affine, track, momentum, kind, seed):
    torch.manual_seed(seed)
    shape = (images, CHANNELS) if side is None else (images, CHANNELS, side, side)
    batches = [(torch.randn(shape) * 2 + 3).to(kind) for _ in range(2)]
    if side:
        batches = [batch.contiguous(memory_format=torch.channels_last) for batch in batches]
    slopes, scale = [torch.randn(shape) for _ in range(2)], torch.rand(CHANNELS) + 0.5
    settings = {"affine": affine, "track_running_stats": track, "momentum": momentum}
    connected = meshes(count)
    ranks = [Ranks(number, count, number, None, None, connected[number]) for number in range(count)]
    norms = [network(SharedBatchNorm, settings, scale) for _ in ranks]
    for norm, rank in zip(norms, ranks, strict=True):
        norm.ranks = rank

    def of(rank: Ranks) -> list[torch.Tensor]:
        part = rank.share(images)
        return passed(norms[rank.number], [batch[part] for batch in batches], [slope[part] for slope in slopes])

    with ThreadPoolExecutor(count) as pool:
        shares = list(pool.map(of, ranks))
    for mesh in connected:
        mesh.close()
    alone = network(nn.BatchNorm2d if side else nn.BatchNorm1d, settings, scale).double()
    expected = passed(alone, [batch.double() for batch in batches], [slope.double() for slope in slopes])

    error = 1e-3 if kind == torch.float32 else 6e-2  # three images may nearly agree in a channel
    for number, whole in enumerate(expected):
        found = torch.cat([share[number] for share in shares]).double()
        torch.testing.assert_close(found, whole, rtol=error, atol=error * whole.abs().max().item())
    for name, buffer in alone.named_buffers():
        for norm in norms:
            torch.testing.assert_close(norm.get_buffer(name).double(), buffer.double(), rtol=1e-4, atol=1e-4)
    for name, parameter in alone.named_parameters():
        total = torch.stack([norm.get_parameter(name).grad for norm in norms]).double().sum(0)
        torch.testing.assert_close(total, parameter.grad, rtol=error, atol=error * parameter.grad.abs().max().item())


@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16])
def test_statistics_survive_compilation(kind):
    """A compiled graph drops writes that an operation does not declare; these statistics are what it returns."""
    torch.manual_seed(0)
    x = (torch.randn(6, CHANNELS, 4, 4) * 3 + 2).to(kind)
    mean, variance = torch.compile(_statistics, backend="aot_eager")(x)

    torch.testing.assert_close(mean, x.double().mean((0, 2, 3)), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(variance, x.double().var((0, 2, 3), correction=0), rtol=1e-5, atol=1e-5)


def test_one_value_of_a_channel_has_no_variance():
    mean, variance = _statistics(torch.tensor([[1.0, 2.0, 3.0, 4.0, 5.0]]))
    assert mean.tolist() == [1, 2, 3, 4, 5]
    assert variance.tolist() == [0] * 5


@given(batch=st.integers(8, 60), micro=st.integers(1, 20), count=st.integers(2, 8))
def test_parts_that_differ_between_ranks_are_refused(batch, micro, count):
    """Counted by walking through the shares."""
    text = "cnnwiz: 1\nname: a\ndata: {source: digits}\nmodel: {layers: [conv: {channels: 2}]}\n"
    document = parse_text(f"{text}training: {{batch_size: {batch}, micro_batch: {min(micro, batch)}}}\n")
    assert document.spec is not None, document.findings
    parts = set()
    for number in range(count):
        part = Ranks(number, count).share(batch)
        parts.add(len(range(part.start, part.stop, min(micro, batch))))
    if len(parts) == 1:
        require_equal_parts(document.spec, count)
    else:
        with pytest.raises(CnnwizError, match="micro_batch"):
            require_equal_parts(document.spec, count)
