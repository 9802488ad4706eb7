"""Questions about training: the loss, how long, the optimizer and its learning rate, what keeps the weights small."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cnnwiz.catalog.choice import Choice
from cnnwiz.catalog.lookahead import Lookahead
from cnnwiz.catalog.loss import Loss
from cnnwiz.catalog.optimizer import OPTIMIZERS, Adam, Momentum, Nesterov, Optimizer, Sgd
from cnnwiz.catalog.regularization import L2, PENALTIES
from cnnwiz.catalog.sampler import PK
from cnnwiz.catalog.second_order import SECOND_ORDER, Lbfgs
from cnnwiz.decisions.data import classes_of, images_of
from cnnwiz.decisions.parameters import (
    Recommend,
    field_question,
    is_asked,
    options,
    parameter_questions,
    section_questions,
)
from cnnwiz.decisions.question import Advice, Option, Question
from cnnwiz.spec.document import Spec, Training

ALL_OPTIMIZERS: tuple[type[Optimizer], ...] = OPTIMIZERS + SECOND_ORDER
BATCH = 128
STEPS = 20
"""Steps an epoch shall have at least; fewer images make a smaller batch."""
LEAST_STEPS = 2_000
"""Steps a training shall have at least, in up to 100 epochs."""
PRECISIONS = {
    "auto": "bfloat16 where the device has it in hardware, else float32",
    "float32": "full precision, slowest",
    "bfloat16": "half the memory, range of float32",
    "float16": "half the memory, gradients are scaled",
}


ASKED_APART = ("batch_size", "epochs", "micro_batch", "precision", "gradient_clip", "ema", "seed")
"""Keys of `training` with a prompt, or a recommendation, of their own; every other one is asked as it is described."""


def _other_task(cls: type[Choice], answers: Mapping[str, Any]) -> str | None:
    """Losses are for some tasks."""
    return None if issubclass(cls, Loss) and answers["task"] in cls.tasks else f"the task is {answers['task']}"


def _loss(answers: Mapping[str, Any]) -> Advice:
    if answers["task"] == "embed":
        return Advice("triplet", "compares images, also of classes never seen")
    if answers["task"] == "detect":
        return Advice("fcos", "classes, boxes and how central a position is, in one sum")
    return Advice("cross_entropy", "one label per image, and probabilities come with it")


def _smoothing(answers: Mapping[str, Any]) -> Advice:
    return Advice(0.1, "a tenth spread over all classes, as in Inception-v3")


def _batch_size(answers: Mapping[str, Any]) -> Advice:
    images = images_of(answers)
    batch = BATCH if images is None else max(16, min(BATCH, 1 << max(images // STEPS, 1).bit_length() - 1))
    if images is not None and batch < BATCH:
        return Advice(batch, f"{images:,} images make {images // batch} steps an epoch")
    return Advice(BATCH, "512 with lr scaled to it lost 0.2 points", ("bs512_scaled_lr",))


def _epochs(answers: Mapping[str, Any]) -> Advice:
    images = images_of(answers)
    if images is None or answers["data.source"] == "digits":
        return Advice(30, "a first result; the rate reaches zero with the last one")
    steps = max(images // answers["training.batch_size"], 1)
    epochs = min(max(-(-LEAST_STEPS // steps // 10) * 10, 30), 100)
    if epochs == 30:
        return Advice(30, f"{30 * steps:,} steps; the rate reaches zero with the last")
    return Advice(epochs, f"{steps} steps each: 30 epochs would be {30 * steps:,} steps only")


def _ema(answers: Mapping[str, Any]) -> Advice:
    if answers["data.source"] == "digits":
        return Advice(0.99, "3 to 5 errors of 359, 3 to 6 without (3 seeds)")
    return Advice(None, "the weights as they are; an average pays in short runs")


def _looks_ahead(answers: Mapping[str, Any]) -> bool:
    return answers["training.lookahead"]


def _optimizer(answers: Mapping[str, Any]) -> Advice:
    return Advice("sgd", "with momentum: the reference for training from scratch")


def _uneven_batch(cls: type[Choice], answers: Mapping[str, Any]) -> str | None:
    fits = cls is not PK or _classes_in_batch(answers)
    return None if fits else f"{answers['training.batch_size']} images are not classes times images"


def _sampler(answers: Mapping[str, Any]) -> Advice:
    if answers["loss"] == "triplet" and _classes_in_batch(answers):
        return Advice("pk", "the loss needs several images of a class in a batch")
    return Advice("shuffle", "every image once an epoch")


def _classes_in_batch(answers: Mapping[str, Any]) -> int | None:
    """The most classes, up to 32, with which a batch is classes times at least 2 images."""
    batch = answers["training.batch_size"]
    most = min(classes_of(answers) or 2, 32, batch // 2)
    return next((classes for classes in range(most, 1, -1) if batch % classes == 0), None)


def _pk_classes(answers: Mapping[str, Any]) -> Advice:
    return Advice(_classes_in_batch(answers), f"divides {answers['training.batch_size']} images")


def _pk_images(answers: Mapping[str, Any]) -> Advice:
    batch, classes = answers["training.batch_size"], answers["training.sampler.pk.classes"]
    return Advice(max(batch // classes, 2), f"{batch} images of {classes} classes")


def _lr(optimizer: type[Optimizer]) -> Recommend:
    """The learning rate to begin with: known for some, else the catalogue's."""
    usual = Advice(optimizer.model_fields["lr"].default, "the published value")

    def gradient_descent(answers: Mapping[str, Any]) -> Advice:
        batch = answers["training.batch_size"]
        if answers["model.defaults.norm"] == "none":
            return Advice(_two_digits(0.01 * batch / 256), f"without norm 0.01 for 256 images, scaled to {batch}")
        return Advice(_two_digits(0.1 * batch / 128), f"0.1 for 128 images, scaled to {batch}")

    if optimizer in (Sgd, Momentum, Nesterov):
        return gradient_descent
    return lambda answers: usual


def _schedule(answers: Mapping[str, Any]) -> Advice:
    if answers["optimizer"] == Lbfgs.key:
        return Advice("constant", "the line search finds the length of each step")
    return Advice("linear", "to zero: +2.2 points over steps on CaffeNet", ("lr_linear",))


def _warmup(answers: Mapping[str, Any]) -> Advice:
    if answers["training.epochs"] < 5:
        return Advice(0.0, "too few epochs to spend one on it")
    images = images_of(answers)
    steps = images // answers["training.batch_size"] if images else STEPS
    if steps < STEPS and answers["training.epochs"] >= 20:
        return Advice(3.0, f"an epoch is only {steps} steps; lets norms and momentum settle")
    return Advice(1.0, "lets norms and momentum settle before the full rate")


def _penalties(answers: Mapping[str, Any]) -> tuple[Option, ...]:
    reason = Lbfgs.conflicts["regularization.l2"] if answers["optimizer"] == Lbfgs.key else None
    return options(PENALTIES, answers, lambda cls, _: reason if cls is L2 else None)


def _regularization(answers: Mapping[str, Any]) -> Advice:
    if answers["optimizer"] in (Adam.key, Lbfgs.key):
        return Advice((), "an L2 penalty does not go with this optimizer")
    return Advice((L2.key,), "weight decay, the usual penalty")


def _l2_factor(answers: Mapping[str, Any]) -> Advice:
    if next(cls for cls in ALL_OPTIMIZERS if cls.key == answers["optimizer"]).decoupled:
        return Advice(0.02, "acts through lr only, so more of it")
    return Advice(0.0005, "0.0001 lost 2.1 points on CaffeNet", ("reg_wd_1e4",))


def _two_digits(number: float) -> float:
    return float(f"{number:.2g}")


QUESTIONS: tuple[Question, ...] = (
    *section_questions(
        Spec,
        "loss",
        "loss",
        "loss",
        "What is made small?",
        _loss,
        details={"cross_entropy.label_smoothing": ("all", _smoothing)},
        refuse=_other_task,
    ),
    field_question(Training, "batch_size", "training.batch_size", "training", "Images per step", _batch_size, "guided"),
    field_question(Training, "epochs", "training.epochs", "training", "Epochs", _epochs, "guided"),
    *section_questions(
        Training,
        "sampler",
        "training.sampler",
        "training",
        "Which images meet in a batch?",
        _sampler,
        details={"pk.classes": ("all", _pk_classes), "pk.images": ("all", _pk_images)},
        refuse=_uneven_batch,
    ),
    field_question(Training, "micro_batch", "training.micro_batch", "training", "Images in memory at once"),
    field_question(Training, "precision", "training.precision", "training", "Which arithmetic?", lines=PRECISIONS),
    field_question(Training, "gradient_clip", "training.gradient_clip", "training", "Largest norm of the gradient"),
    field_question(Training, "ema", "training.ema", "training", "Average of the weights: decay per step", _ema),
    Question(
        key="training.lookahead",
        chapter="training",
        prompt="Slow weights that follow the trained ones (lookahead)?",
        kind="yes-no",
        recommend=lambda answers: Advice(False, "for short trainings at high learning rates"),
        validate=lambda value, answers: None,
        expects="yes or no",
        help=Lookahead.card()["what"],
    ),
    *parameter_questions((Lookahead,), "training", "training", {}, when=_looks_ahead),
    *(
        field_question(Training, name, f"training.{name}", "training")
        for name in Training.model_fields
        if name not in ASKED_APART and is_asked(Training, name)
    ),
    field_question(Training, "seed", "training.seed", "training", "Seed of the training"),
    *section_questions(
        Spec,
        "optimizer",
        "optimizer",
        "optimizer",
        "Which optimizer?",
        _optimizer,
        "guided",
        details={f"{cls.key}.lr": ("guided", _lr(cls)) for cls in ALL_OPTIMIZERS},
    ),
    *section_questions(
        Spec,
        "schedule",
        "schedule",
        "optimizer",
        "How does the learning rate fall?",
        _schedule,
        details={f"{key}.warmup_epochs": ("all", _warmup) for key in ("linear", "polynomial", "step", "cosine")},
    ),
    Question(
        key="regularization",
        chapter="regularization",
        prompt="Which penalties on the weights?",
        kind="several",
        choices=_penalties,
        recommend=_regularization,
        expects=f"any of {', '.join(penalty.key for penalty in PENALTIES)}",
    ),
    *parameter_questions(PENALTIES, "regularization", "regularization", {"l2.factor": ("all", _l2_factor)}),
)
