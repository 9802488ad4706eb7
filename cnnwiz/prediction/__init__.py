"""What a trained network says of image files: finding them, decoding them in a stream, and the answers. Needs torch."""

from __future__ import annotations

from cnnwiz.prediction.find import find_files
from cnnwiz.prediction.predict import Prediction, predict

__all__ = ["Prediction", "find_files", "predict"]
