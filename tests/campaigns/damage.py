"""Damaged checkpoints: cut off, bits flipped, blocks zeroed, contents exchanged, metadata changed. None may load."""

from __future__ import annotations

import json
import random
import struct
from collections.abc import Callable

from lives import Lives, result


def damage(lives: Lives, count: int, seed: int = 0) -> str:
    """`count` damaged copies of a checkpoint are read; a run whose newest one is damaged goes back to the one before.

    A copy may load only if it holds, to the bit, what was saved.
    """
    code = lives.train("damaged")
    said = lives.said()
    assert code == 0, said
    chance = random.Random(seed)
    told = copies(lives, count, chance)
    return f"{told}; {_goes_back(lives, chance)}"


def copies(lives: Lives, count: int, chance: random.Random) -> str:
    """Damaged copies of the newest checkpoint of the run `damaged`: each is refused, or holds the same bits."""
    import torch

    from cnnwiz.errors import CnnwizError
    from cnnwiz.training.checkpoint import read

    run = lives.folder / "damaged"
    newest = max((run / "checkpoints").iterdir())
    good = newest.read_bytes()
    tensors, about = read(newest)
    refused = harmless = wrong = 0
    for number in range(count):
        kind = KINDS[number % len(KINDS)]
        changed = kind(good, chance)
        if changed == good:
            continue
        path = lives.folder / "copy.safetensors"
        path.write_bytes(changed)
        try:
            loaded, told = read(path)
        except CnnwizError as error:
            refused += error.code == 4
            wrong += error.code != 4
            continue
        same = told == about and list(loaded) == list(tensors)
        same = same and all(torch.equal(loaded[name], tensor) for name, tensor in tensors.items())
        assert same, f"{kind.__name__} number {number} loaded silently"
        harmless += 1
    assert not wrong, f"{wrong} refused with another code than 4"
    return f"{refused} of {refused + harmless} damaged copies refused, {harmless} held the same bits"


def _goes_back(lives: Lives, chance: random.Random) -> str:
    """Stop a run in its last epoch, damage the newest checkpoint in each way, and let it go on."""
    expected = result(lives.folder / "damaged")
    for kind in sorted(set(KINDS), key=KINDS.index):
        run = lives.folder / kind.__name__
        code = lives.train(run.name, environment={"STOP_BEHIND": "35"})
        assert code == 143, lives.said()
        newest = max((run / "checkpoints").iterdir())
        newest.write_bytes(kind(newest.read_bytes(), chance))
        code = lives.train(run.name)
        said = lives.said()
        assert code == 0, said
        assert (run / "checkpoints" / f"{newest.name}.bad").exists(), "put aside"
        assert result(run) == expected, f"{run} differs"
    return f"{len(set(KINDS))} runs went back to the checkpoint before, identical"


def cut(good: bytes, chance: random.Random) -> bytes:
    """Only a beginning is there."""
    return good[: chance.randrange(len(good))]


def flip(good: bytes, chance: random.Random) -> bytes:
    """One bit is another."""
    place = chance.randrange(len(good))
    return good[:place] + bytes([good[place] ^ (1 << chance.randrange(8))]) + good[place + 1 :]


def block(good: bytes, chance: random.Random) -> bytes:
    """A block of 512 bytes is zero, as behind a power cut."""
    place = chance.choice([start for start in range(0, len(good), 512) if any(good[start : start + 512])])
    return good[:place] + bytes(len(good[place : place + 512])) + good[place + 512 :]


def exchange(good: bytes, chance: random.Random) -> bytes:
    """Two tensors of the same size have each other's place in the header."""
    header, start = _header(good)
    pairs = [
        (one, other)
        for one in header
        for other in header
        if one < other and "__metadata__" not in (one, other) and _size(header[one]) == _size(header[other])
    ]
    one, other = chance.choice(pairs)
    places = header[one]["data_offsets"], header[other]["data_offsets"]
    header[other]["data_offsets"], header[one]["data_offsets"] = places
    return _with_header(header, good[start:])


def metadata(good: bytes, chance: random.Random) -> bytes:
    """A digit of what is told beside the tensors is another."""
    header, start = _header(good)
    text = header["__metadata__"]["cnnwiz"]
    place = chance.choice([index for index, character in enumerate(text) if character.isdigit()])
    digit = str((int(text[place]) + chance.randint(1, 9)) % 10)
    header["__metadata__"]["cnnwiz"] = text[:place] + digit + text[place + 1 :]
    return _with_header(header, good[start:])


def longer(good: bytes, chance: random.Random) -> bytes:
    """Something follows the end."""
    return good + chance.randbytes(chance.randint(1, 64))


KINDS: tuple[Callable[[bytes, random.Random], bytes], ...] = (cut, flip, block, exchange, metadata, flip, longer, flip)


def _header(good: bytes) -> tuple[dict, int]:
    (length,) = struct.unpack("<Q", good[:8])
    return json.loads(good[8 : 8 + length]), 8 + length


def _with_header(header: dict, data: bytes) -> bytes:
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def _size(entry: dict) -> tuple[str, int]:
    first, last = entry["data_offsets"]
    return str(entry["shape"]), last - first
