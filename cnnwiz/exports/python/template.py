"""The parts of the file that do not depend on the network: use, training, the command line."""

from __future__ import annotations

IMPORTS = (  # what to import, and a pattern that tells whether the file uses it
    ("import math", r"\bmath\."),
    ("from pathlib import Path", r"\bPath\b"),
    ("from typing import Any", r"\bAny\b"),
    ("", ""),
    ("import numpy as np", r"\bnp\."),
    ("import torch", r"\btorch\."),
    ("import torchvision", r"\btorchvision\.ops"),
    ("from PIL import Image, ImageOps", r"\bImage\b"),
    ("from torch import Tensor, nn", r"\bnn\."),
    ("from torch.nn import functional as F", r"\bF\."),
    ("from torch.nn.utils.parametrizations import weight_norm", r"\bweight_norm\("),
    ("from torch.utils.data import DataLoader", r"\bDataLoader\b"),
    ("from torchvision.datasets import ImageFolder", r"\bImageFolder\b"),
)

PREDICT = '''
BATCH = 64


def canvas_of(file: str | Path) -> np.ndarray:
    """An image file as pixels (side, side, channels), 0 to 255: upright, resized, the square in the middle."""
    side = PREPROCESSING["canvas"]
    with Image.open(file, formats=FORMATS) as image:
        whole = PREPROCESSING.get("fit") == "stretch"
        return to_canvas(eight_bits(upright(image, side)), side, PREPROCESSING["channels"], whole)


def load(weights: Path = WEIGHTS) -> Network:
    """The trained network, ready to predict."""
    network = Network()
    with np.load(weights, allow_pickle=False) as arrays:
        network.load_state_dict({name: torch.from_numpy(arrays[name]) for name in arrays.files})
    return network.eval()


@torch.inference_mode()
def outputs_of(network: Network, files: list[str | Path]) -> Tensor:
    """What the network puts out for image files, (N, OUTPUTS)."""
    batches = [files[start : start + BATCH] for start in range(0, len(files), BATCH)]
    pixels = (np.stack([canvas_of(file) for file in batch]) for batch in batches)
    return torch.cat([network(preprocess(canvases, PREPROCESSING)) for canvases in pixels])
'''

CLASSIFY = '''

def predict(network: Network, files: list[str | Path], top: int = 3) -> list[list[tuple[str, float]]]:
    """For each image file its most probable classes with their probabilities."""
    shares, places = outputs_of(network, files).softmax(1).topk(min(top, len(CLASSES)))
    return [[(CLASSES[place], share) for share, place in zip(*row)] for row in zip(shares.tolist(), places.tolist())]
'''

EMBED = '''

def likeness(network: Network, files: list[str | Path]) -> Tensor:
    """How alike image files are, each with each: the cosines of their embeddings, (N, N)."""
    embeddings = F.normalize(outputs_of(network, files))
    return embeddings @ embeddings.T
'''

TRAIN = '''

def train(network: Network, folder: Path, epochs: int = 10, rate: float = {rate}) -> None:
    """Go on training on folder/CLASS/*, then write the weights to a file of their own.{more}"""
    images = ImageFolder(folder, loader=canvas_of, transform=lambda canvas: preprocess(canvas[None], PREPROCESSING)[0])
{check}    batches = DataLoader(images, batch_size=BATCH, shuffle=True, drop_last=len(images) > BATCH)
{head}    loss_of = {loss}
    optimizer = {optimizer}
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, epochs * len(batches))
    network.train()
    for epoch in range(1, epochs + 1):
        total = 0.0
        for pixels, labels in batches:
            loss = loss_of({outputs}, labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item() / len(batches)
        print(f"epoch {{epoch}}: loss {{total:.4f}}")
    file = WEIGHTS.with_name(f"{{WEIGHTS.stem}}-trained.npz")
    np.savez(file, **{{name: tensor.numpy() for name, tensor in network.state_dict().items()}})
    print(f"weights in {{file}}; load them with load({{str(file)!r}})")
'''

CHECK = """    if tuple(images.classes) != CLASSES:
        raise SystemExit(f"{folder} holds the classes {images.classes}; the network knows {CLASSES}")
"""

MAIN = """

def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", metavar="IMAGE")
    parser.add_argument("--train", type=Path, metavar="FOLDER")
    arguments = parser.parse_args()
    network = load()
    if arguments.train:
        train(network, arguments.train)
"""

SHOW_CLASSES = """    elif arguments.files:
        for file, found in zip(arguments.files, predict(network, arguments.files)):
            print(file, *(f"{name} {share:.4f}" for name, share in found), sep="  ")
"""

SHOW_LIKENESS = """    elif arguments.files:
        for file, row in zip(arguments.files, likeness(network, arguments.files)):
            print(file, *(f"{value:.4f}" for value in row.tolist()), sep="  ")
"""

END = """    else:
        parser.print_help()


if __name__ == "__main__":
    main()
"""
