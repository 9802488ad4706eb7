"""How good a trained network is: on which images, by which metrics, how sure one can be. Needs torch."""

from __future__ import annotations

from cnnwiz.evaluation.evaluate import Evaluation, evaluate
from cnnwiz.evaluation.outputs import Outputs
from cnnwiz.evaluation.trained import Trained, open_trained

__all__ = ["Evaluation", "Outputs", "Trained", "evaluate", "open_trained"]
