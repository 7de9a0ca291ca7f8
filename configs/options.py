"""Settings as keyword arguments, for editors and type checkers.

Generated from the schema by `python -m keraunos.configs.generate`; do not edit.
"""

import os
from collections.abc import Sequence
from typing import Literal, Required, TypedDict

from .choices import (
    Accelerator,
    Cache,
    Check,
    ClassBalance,
    EventKind,
    ExifOrientation,
    FeatureCache,
    FindImagesBy,
    Head,
    Layout,
    Loss,
    MetricName,
    Mode,
    Policy,
    Precision,
    ScheduleName,
    SoupKind,
    Task,
    TrialChoice,
    TunerName,
    UnreadablePolicy,
    WeightDecayExclusion,
)


class ScheduleOptions(TypedDict, total=False):
    """How the learning rate changes from epoch to epoch; `learning_rate` is the highest."""

    name: Required[ScheduleName]
    """What comes after the warm-up. Default: none."""
    warmup_epochs: float
    """Epochs in which it rises from almost nothing. Default: 0.0."""
    epochs: int | None
    """When cosine and linear end; trainer.max_epochs if null. Default: None."""
    final_factor: float
    """What part is left at the end of cosine and linear. Default: 0.0."""
    factor: float | None
    """What exponential multiplies by in each epoch (0.9 by default), and step after
    each step_epochs (0.1). Default: None."""
    step_epochs: int
    """Epochs between two steps of step. Default: 10."""


class OptimizerOptions(TypedDict, total=False):
    """A Keras optimizer by name; its other arguments go by their Keras names."""

    learning_rate: float
    """Step size. Default: 0.001."""
    schedule: ScheduleOptions | None
    """How the learning rate changes from epoch to epoch. Default: None."""
    layer_decay: float | None
    """By what the learning rate is multiplied from each stage of the network to the one
    before it; the head has the whole of it. Default: None."""
    exclude_from_weight_decay: WeightDecayExclusion
    """What weight decay leaves alone: `biases_and_norms`, or
    `biases_norms_and_embeddings` (those of positions and class tokens, too). Default:
    'none'."""
    amsgrad: float | bool | None
    beta: float | bool | None
    beta_1: float | bool | None
    beta_2: float | bool | None
    beta_2_decay: float | bool | None
    centered: float | bool | None
    clip_threshold: float | bool | None
    clipnorm: float | bool | None
    clipvalue: float | bool | None
    ema_momentum: float | bool | None
    ema_overwrite_frequency: float | bool | None
    epsilon: float | bool | None
    epsilon_1: float | bool | None
    epsilon_2: float | bool | None
    global_clipnorm: float | bool | None
    gradient_accumulation_steps: float | bool | None
    initial_accumulator_value: float | bool | None
    l1_regularization_strength: float | bool | None
    l2_regularization_strength: float | bool | None
    l2_shrinkage_regularization_strength: float | bool | None
    learning_rate_power: float | bool | None
    loss_scale_factor: float | bool | None
    momentum: float | bool | None
    nesterov: float | bool | None
    relative_step: float | bool | None
    rho: float | bool | None
    use_ema: float | bool | None
    weight_decay: float | bool | None


class RandAugmentOptions(TypedDict, total=False):
    """RandAugment: operations drawn at random for each image, all of one magnitude."""

    magnitude: float
    """How strong each operation is; 10 is the strongest, as in the paper and timm (30
    in torchvision). Default: 9.0."""
    num_ops: int
    """Operations in a row on each image. Default: 2."""


class AugmentationOptions(TypedDict, total=False):
    """How training images are varied: flips, rotation, zoom, shift, tone, and policies."""

    views: Literal["fresh"] | int
    """`fresh` draws anew each time; a number draws that many versions of each image
    once and goes through them in turn. Default: 'fresh'."""
    random_resized_crop: float
    """Smallest part of an image's area that a crop keeps before it is resized; 1 crops
    nothing. Default: 1.0."""
    rand_augment: RandAugmentOptions | None
    """RandAugment; `{}` takes its defaults, null leaves it out. Default: None."""
    color_jitter: float
    """Scales red, green and blue against each other, as another lamp does: the ratio of
    two changes by a factor of up to (1 + color_jitter)^2. Default: 0.0."""
    random_erasing: float
    """Probability that a rectangle of an image is erased. Default: 0.0."""
    mixup: float
    """Blends each training image with another, and their targets. Shares are drawn from
    Beta(mixup, mixup); 0 leaves that out. Default: 0.0."""
    cutmix: float
    """Puts a box of another training image into each, and mixes targets by area. Shares
    are drawn from Beta(cutmix, cutmix); 0 leaves that out. With mixup each image gets
    one of both. Default: 0.0."""


class FolderOptions(TypedDict, total=False):
    """Which images to train, validate and test on, and how they are read."""

    validation: str | os.PathLike[str] | None
    """Folder or table for validation; else a part of `train`. Default: None."""
    test: str | os.PathLike[str] | None
    """Folder or table of test images. Default: None."""
    layout: Layout
    """What the folders directly below `train` are: `classes`, or `splits` of class
    folders, by their names; `auto` tells by these, and asks in doubt. Default:
    'auto'."""
    validation_split: float
    """Part of `train` held out for validation, class by class, if `validation` is not
    given. Default: 0.2."""
    test_split: float
    """Part of `train` held out for testing, class by class. Default: 0.0."""
    folds: int | None
    """Cut `train` into that many parts, and train that often, each time with another
    part for validation. Default: None."""
    fold: int | None
    """Train only this one of the folds, counted from 1. Default: None."""
    split: str | os.PathLike[str] | None
    """The split.csv of a run: files that it names keep their split. Default: None."""
    check: Check
    """What to look for: `copies` of equal bytes, near copies as well with `full` (these
    only stay on one side of the split), or nothing with `off`. `lazy` opens no file
    before it is used, so that a million files start at once. Default: 'copies'."""
    image_size: int
    """Height and width in pixels after resizing. Default: 224."""
    batch_size: int
    """Images per step over all devices together. Default: 32."""
    cache: Cache
    """Where decoded images are kept between epochs: `auto` is `disk` where they fit
    into the size limit of the cache, else `none`. Default: 'auto'."""
    find_images_by: FindImagesBy
    """Which files are images: those with such an extension, or with `content` also
    others that begin like one. Default: 'extension'."""
    max_megapixels: float
    """Images of more million pixels count as unreadable. Default: 64.0."""
    bit_depth: int | None
    """How many of 16 bits per channel are used, such as 12; null takes all of them, and
    is refused where no image uses them. Default: None."""
    exif_orientation: ExifOrientation
    """Turn images as their EXIF data say, or count those as unreadable that would be
    turned. Default: 'apply'."""
    on_unreadable: UnreadablePolicy
    """What to do about files that can't be decoded. Default: 'error'."""
    on_conflict: Policy
    """What to do about an image that is filed under two classes. Default: 'error'."""
    on_leak: Policy
    """What to do about an image of `train` that is in validation or test, too; and
    about such images that the run of `model.weights` trained on, which only `keep` lets
    through. Default: 'error'."""
    class_balance: ClassBalance
    """How rarer classes are evened out in training: `sampling` draws each class equally
    often, `weights` weighs examples. Default: 'none'."""
    seed: int
    """Of all that is random: split, order, augmentation, initial weights, dropout.
    Default: 0."""
    cache_dir: str | os.PathLike[str] | None
    """Folder of what runs share; by default `$KERAUNOS_CACHE_DIR`, or the user's cache.
    Default: None."""


class TableOptions(FolderOptions, total=False):
    """Which images to train, validate and test on, and how they are read."""

    image_root: str | os.PathLike[str] | None
    """Folder of a table's images; by default that of the table. Default: None."""
    image_column: str
    """Column of a table that names the image: its path below `image_root`, or its file
    name with or without the extension. Default: 'image'."""
    label_column: str
    """Column of a table that names the class. Default: 'label'."""
    label_columns: Sequence[str] | None
    """In place of `label_column`: columns of a table that hold 1 for the class of the
    image and 0 for all others. Without a column `label`, columns of 0 and 1 that give
    each image one class are found. Default: None."""
    group_column: str | None
    """Column of a table that names what must stay on one side of a split, such as the
    patient: no group is on two sides. Default: None."""
    split_column: str | None
    """Column of a table that gives each image its split; `auto` takes one called
    `split`, null none. Default: 'auto'."""
    features: Sequence[str] | None
    """Columns of a table that the model takes beside the image, such as age and sex:
    numbers standardised, words as categories. Cells may be empty. Default: None."""
    categorical_features: Sequence[str] | None
    """Those of `features` whose numbers are names, such as codes. Default: None."""
    task: Task
    """What is predicted for each image: one of several classes; with `multi_label` any
    number of labels; with `regression` one or several numbers. The latter two need a
    table. Default: 'classification'."""


class ModelOptions(TypedDict, total=False):
    """What is trained: a frozen backbone with a new head, or a model of one's own."""

    backbone: str
    """A network of keras.applications, `keras_hub:PRESET` or `keras_hub:DIRECTORY`, or
    `package.module:function`. Default: 'ResNet50'."""
    weights: str | os.PathLike[str] | None
    """Of the backbone: `imagenet`, the directory of a run, a file of Keras, safetensors
    or PyTorch (docs/weights.md), or null for a random start. Default: 'imagenet'."""
    head: Head
    """What turns features into probabilities: `linear` (softmax) and `cosine` are
    trained; `ridge` and `knn` (nearest neighbours) are fitted to all training images at
    once, without epochs. See docs/heads.md. Default: 'linear'."""
    l2: float | None
    """Penalty of ridge, as a multiple of the mean variance of a feature; null chooses
    it by leaving training images out. Default: None."""
    neighbors: int
    """How many training images vote in knn. Default: 20."""
    temperature: float | None
    """What knn and cosine divide similarities by; null chooses it by leaving training
    images out (knn), or learns it (cosine). Default: None."""
    dropout: float
    """Dropout rate before the head. Default: 0.2."""
    standardize_features: bool
    """Give each feature mean 0 and variance 1 on the training set, which costs one pass
    over it; helps heads on networks that were not trained. Default: False."""
    loss: Loss
    """`focal` gives easy examples less weight, `class_balanced` those of frequent
    classes; `logit_adjusted` asks for larger margins of rare classes. In regression it
    is `mean_squared_error`, `mean_absolute_error` or `huber`. Default:
    'crossentropy'."""
    label_smoothing: float
    """Part of each target that all classes share. Default: 0.0."""
    focal_gamma: float
    """How much less `focal` counts easy examples. Default: 2.0."""
    focal_alpha: float
    """Factor of the loss `focal`. Default: 0.25."""
    class_balanced_beta: float
    """0 counts all classes alike in `class_balanced`; close to 1, a class counts as the
    inverse of its number of training images. Default: 0.999."""
    logit_adjusted_tau: float
    """How far `logit_adjusted` moves; 0 is crossentropy. Default: 1.0."""
    metrics: Sequence[MetricName]
    """What is measured while training and validating; any can be monitored.
    `recall_per_class` is one for each class, named `recall_CLASS`. Other tasks have
    metrics of their own: see docs/tasks.md. Default: ['accuracy',
    'balanced_accuracy']."""


class TrainerOptions(TypedDict, total=False):
    """Where and how long to train."""

    accelerator: Accelerator
    """`gpu` never falls back to the CPU. Default: 'auto'."""
    devices: Literal["auto"] | int
    """How many; all of them with `auto`. Default: 'auto'."""
    precision: Precision
    """Keras dtype policy. Default: 'float32'."""
    deterministic: bool
    """Ask TensorFlow for repeatable operations: slower on GPUs, and on for the rest of
    the process. Default: False."""
    max_epochs: int
    """Epochs after which to stop. Default: 10."""
    min_epochs: int
    """Epochs before which no callback can stop the fit. Default: 0."""
    max_steps: int | None
    """Steps after which to stop; an epoch that it cuts short counts. Default: None."""
    max_time: str | None
    """`DD:HH:MM:SS` after which to save and stop, to be resumed. Default: None."""
    limit_train_batches: int | float | None
    """Batches per epoch at most (a whole number), or a part of them (up to 1.0).
    Default: None."""
    limit_val_batches: int | float | None
    """Validation batches at most (a whole number), or a part of them (up to 1.0).
    Default: None."""
    overfit_batches: int | float | None
    """Batches of the first epoch (a whole number), or a part of them (up to 1.0), to
    train and validate on again and again: can the model learn at all? Default: None."""
    validate_every_n_epochs: int
    """Epochs between validations. Default: 1."""
    validate_every_n_steps: int | None
    """Steps between further validations within epochs. Default: None."""
    sanity_validation_batches: int
    """Batches to validate on before the first step, so that a fault in validation shows
    at once. Default: 0."""
    fast_dev_run: bool
    """One batch of training and of validation, and nothing is kept: a smoke test.
    Default: False."""
    steps_per_execution: Literal["auto"] | int
    """Steps per call of the device; `auto` makes calls of about a tenth of a second.
    Default: 'auto'."""
    jit_compile: Literal["auto"] | bool
    """Whether XLA compiles the forward and backward pass of each replica; `auto` does
    on GPUs, where a first batch shows that it compiles and gives the same. Default:
    'auto'."""
    use_ema_weights: bool
    """Validate, save and export moving averages of the weights in their place; needs
    `optimizer.use_ema`. Default: False."""
    sync_batch_norm: Literal["auto"] | bool
    """Whether BatchNorm shares batch statistics between replicas; `auto` does. Without,
    results depend on the number of replicas, and moving statistics are the mean of
    theirs. Default: 'auto'."""
    check_replicas: bool
    """Run a small batch whole and cut before the first step on several devices, and
    refuse what would depend on their number: a model that mixes rows, a loss or a
    metric of a whole batch. Default: True."""
    seed: int
    """Of all that is random: split, order, augmentation, initial weights, dropout.
    Default: 0."""
    feature_cache: FeatureCache
    """Compute the features of a frozen backbone once per image and keep them for all
    runs; `auto` does where augmentation.views is a number or augmentation is off.
    Default: 'auto'."""


class SearchOptions(TypedDict, total=False):
    """Many trials of one configuration: which settings vary, and what is wanted."""

    tuner: TunerName
    """Keras Tuner's oracle. Default: 'bayesian'."""
    mode: Mode
    """Whether small or large values of it are good. Default: 'auto'."""
    max_trials: int
    """Trials at most; with hyperband their number is its own. Default: 24."""
    folds: int | None
    """Train each trial on so many grouped folds; its score is their mean. Default:
    None."""
    choose: TrialChoice
    """Which trial wins: the best, or the simplest within one standard error of it.
    Default: 'best'."""
    max_time: str | None
    """Begin no trial after DD:HH:MM:SS. Default: None."""
    max_seconds_per_trial: float | None
    """Training time of a trial at most, over all its folds. Default: None."""
    patience: int | None
    """Stop after so many trials in a row without a better one. Default: None."""
    keep: int
    """How many of the best trials keep weights. Default: 1."""
    hyperband_factor: int
    """One of so many trials goes on in each round of hyperband. Default: 3."""


class AlertsOptions(TypedDict, total=False):
    """Runs a command, or posts JSON, when something happens to a run."""

    on: Sequence[EventKind]
    """Kinds of events. Default: ['end', 'failure', 'stall', 'divergence']."""
    command: Sequence[str] | None
    """A program and its arguments, run without a shell; it gets the event as JSON on
    standard input. Default: None."""
    url: str | None
    """Where to post the event as JSON, in place of a command. Default: None."""
    timeout_seconds: float
    """After how long an alert is given up. Default: 10.0."""
    at_most: int
    """How many alerts a run sends. Default: 20."""


class BackboneFinetuningOptions(TypedDict, total=False):
    """Trains the head first, and then the backbone with it, at once or stage by stage."""

    last_layers: int | None
    """How many layers with weights to unfreeze, from the end. Default: None."""
    stages: int | Sequence[str] | None
    """How many stages of the backbone to unfreeze, one after another from the last; or
    a list of layers or stages, from each of which to unfreeze in turn. Default:
    None."""
    at_epoch: int | None
    """Epochs of the head alone, at most; null leaves it to `monitor`. Default: 5."""
    every_epochs: int | None
    """Epochs of each stage before the next, at most; null leaves it to `monitor`, and
    is 1 without that. Default: None."""
    monitor: str | None
    """Metric that unfreezes once it stops improving, each time. Default: None."""
    patience: int
    """Epochs without improvement after which to unfreeze. Default: 2."""
    min_delta: float
    """By how much a value must be better to count as improvement. Default: 0.0."""
    mode: Mode
    """Whether small or large values are good; `auto` goes by the metric's name.
    Default: 'auto'."""
    learning_rate: float
    """Of all that trains from then on. Default: 1e-05."""
    learning_rate_factor: float
    """What it is multiplied by at each further stage. Default: 1.0."""
    schedule: ScheduleOptions | None
    """How it changes, as `optimizer.schedule`, with epochs counted from then on. A
    warm-up before cosine or linear takes half of what is left at most. Default:
    None."""
    train_batch_norm: bool
    """Train BatchNorm of the unfrozen layers, too. Default: False."""


class EarlyStoppingOptions(TypedDict, total=False):
    """Stops once a metric has not improved for some epochs."""

    patience: int
    """Epochs without improvement after which to stop. Default: 3."""
    min_delta: float
    """By how much a value must be better to count as improvement. Default: 0.0."""
    mode: Mode
    """Whether small or large values are good; `auto` goes by the metric's name.
    Default: 'auto'."""
    restore_best_weights: bool
    """End with the weights of the best epoch. Default: True."""
    stopping_threshold: float | None
    """Stop once the metric is as good as this value. Default: None."""
    divergence_threshold: float | None
    """Stop once the metric is worse than this value. Default: None."""
    check_finite: bool
    """Stop at once when the metric is NaN or infinite; else that is an epoch without
    improvement. Default: False."""


class HealthOptions(TypedDict, total=False):
    """Looks into a step now and then: times, gradients, updates, memory."""

    every_n_steps: int
    """Steps between two that are looked into. Default: 50."""


class HeartbeatOptions(TypedDict, total=False):
    """Writes a small file now and then, from which a watchdog sees that a run moves."""

    file: str | os.PathLike[str] | None
    """Where; `heartbeat.json` in the run directory by default. Default: None."""
    every_seconds: float
    """Seconds between two writes. Default: 10.0."""


class JsonLogOptions(TypedDict, total=False):
    """Reports training in lines of JSON."""

    seconds_between_lines: float
    """Seconds between lines within an epoch. Default: 60.0."""


class LearningRateFinderOptions(TypedDict, total=False):
    """Tries learning rates before training and takes a good one."""

    smallest: float
    """First learning rate to try. Default: 1e-06."""
    largest: float
    """Last learning rate to try. Default: 1.0."""
    num_steps: int
    """How many to try. Default: 100."""


class ModelCheckpointOptions(TypedDict, total=False):
    """Saves checkpoints and keeps the best and the last."""

    mode: Mode
    """Whether small or large values are good; `auto` goes by the metric's name.
    Default: 'auto'."""
    save_top_k: int
    """How many of the best to keep. Default: 1."""
    save_last: bool
    """Keep the newest as well. Default: True."""
    every_n_epochs: int
    """Epochs between checkpoints. Default: 1."""
    every_n_steps: int | None
    """Steps between further checkpoints within epochs. Default: None."""
    every_n_minutes: float | None
    """Minutes between further checkpoints within epochs. Default: None."""
    restore_best: bool
    """End with the weights of the best checkpoint. Default: True."""
    soup: SoupKind | None
    """At the end average the weights of the `save_top_k` best checkpoints, and end with
    the mean if it is as good on validation: `greedy` adds one after the other as long
    as that holds, `uniform` all of them. Default: None."""
    save_weights_only: bool
    """Keep the weights of the model alone, in directories `weights-...`: smaller, and
    no run resumes from them. An interrupted run is saved whole nevertheless. Default:
    False."""
    save_on_exception: bool
    """Save where an error ends the fit, to resume there. Nothing is saved if the error
    came from within a step. Default: False."""


class PlateauWatchOptions(TypedDict, total=False):
    """Notices that a metric has not improved for some epochs; stops nothing."""

    monitor: str | None
    """Metric that is watched; `val_loss` by default, or `loss` without validation.
    Default: None."""
    patience: int
    """Epochs without improvement after which to report. Default: 5."""
    min_delta: float
    """By how much a value must be better to count as improvement. Default: 0.0."""
    mode: Mode
    """Whether small or large values are good; `auto` goes by the metric's name.
    Default: 'auto'."""


class ProgressBarOptions(TypedDict, total=False):
    """Shows how far training is."""

    refresh_seconds: float
    """Seconds between new values on the bar. Default: 0.5."""
    seconds_between_lines: float
    """Seconds between lines where there is no terminal. Default: 60.0."""


class PrometheusOptions(TypedDict, total=False):
    """Lets Prometheus collect how a run goes: at a port, or in a file."""

    port: int | None
    """Where to answer over HTTP. Default: None."""
    host: str
    """The address to listen on, with `port`. Default: '127.0.0.1'."""
    textfile: str | os.PathLike[str] | None
    """A file for the node exporter's textfile collector, `NAME.prom`. Default: None."""
    every_seconds: float
    """Seconds between two writes of `textfile`. Default: 15.0."""


class StallWatchOptions(TypedDict, total=False):
    """Notices that no step ends any more, while that lasts, and where the run hangs."""

    times_median: float
    """How many times the median step time without a step count. Default: 20.0."""
    seconds_at_least: float
    """Seconds without a step that never count as a stall. Default: 60.0."""
    seconds_between_steps: float
    """Seconds that validation, saving or anything else between steps may take. Default:
    3600.0."""


class TensorBoardOptions(TypedDict, total=False):
    """Writes what TensorBoard shows."""

    pictures: bool
    """Write images, too. Default: True."""
    images_every_n_epochs: int
    """Epochs between images of validation: the confusion matrix and the mistakes. The
    last epoch has them in any case. Default: 5."""
    profile_steps: Sequence[int] | None
    """First and last step to record for the profiler, from 1 on. Default: None."""


class WorkerWatchOptions(TypedDict, total=False):
    """Notices which of several workers is silent or behind, and since when."""

    silent_seconds: float
    """Seconds without a sign of life after which to report. Default: 5.0."""
