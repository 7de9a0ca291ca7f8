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
    """Learning rate schedule over epochs, starting from `learning_rate` as the maximum."""

    name: Required[ScheduleName]
    """Shape of the schedule after the warm-up. Default: none."""
    warmup_epochs: float
    """Epochs in which the learning rate rises linearly from almost 0. Default: 0.0."""
    epochs: int | None
    """Epoch at which cosine and linear end; null means trainer.max_epochs. Default:
    None."""
    final_factor: float
    """Fraction of the learning rate that remains at the end of cosine and linear.
    Default: 0.0."""
    factor: float | None
    """Factor that exponential applies in each epoch (0.9 by default), and step after
    every step_epochs (0.1). Default: None."""
    step_epochs: int
    """Epochs between two reductions by step. Default: 10."""


class OptimizerOptions(TypedDict, total=False):
    """A Keras optimizer; further arguments keep their Keras names."""

    learning_rate: float
    """Learning rate; with a schedule, its maximum. Default: 0.001."""
    schedule: ScheduleOptions | None
    """How the learning rate changes from epoch to epoch. Default: None."""
    layer_decay: float | None
    """Factor on the learning rate from each stage of the network to the one before it;
    the head trains with the full rate. Default: None."""
    exclude_from_weight_decay: WeightDecayExclusion
    """Weights that weight decay does not apply to: `biases_and_norms`, or
    `biases_norms_and_embeddings` (position embeddings and class tokens as well).
    Default: 'none'."""
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
    """RandAugment: random operations on each image, all with the same magnitude."""

    magnitude: float
    """Strength of each operation; 10 is the maximum, as in the paper and timm (30 in
    torchvision). Default: 9.0."""
    num_ops: int
    """Number of operations applied to each image in sequence. Default: 2."""


class AugmentationOptions(TypedDict, total=False):
    """Augmentation of training images: flips, rotation, zoom, shift, color and policies."""

    views: Literal["fresh"] | int
    """`fresh` augments each image differently in every epoch; a number generates this
    many versions of each image once and cycles through them. Default: 'fresh'."""
    random_resized_crop: float
    """Minimum fraction of the image area that a random crop keeps before resizing; 1
    does not crop. Default: 1.0."""
    rand_augment: RandAugmentOptions | None
    """RandAugment; `{}` uses its defaults, null switches it off. Default: None."""
    color_jitter: float
    """Scales red, green and blue relative to each other, like a change of lighting: the
    ratio of two channels changes by a factor of up to (1 + color_jitter)^2. Default:
    0.0."""
    random_erasing: float
    """Probability that a rectangle of the image is erased. Default: 0.0."""
    mixup: float
    """Mixup: blend each training image and its target with another, with weights drawn
    from Beta(mixup, mixup); 0 switches it off. Default: 0.0."""
    cutmix: float
    """CutMix: paste a box of another training image into each image and mix the targets
    by area, drawn from Beta(cutmix, cutmix); 0 switches it off. If mixup is also on,
    each image gets one of the two. Default: 0.0."""


class FolderOptions(TypedDict, total=False):
    """Images to train, validate and test on, and how to read them."""

    validation: str | os.PathLike[str] | None
    """Folder or table of validation images; by default, `validation_split` holds out a
    part of `train`. Default: None."""
    test: str | os.PathLike[str] | None
    """Folder or table of test images. Default: None."""
    layout: Layout
    """How to read the folders directly below `train`: as `classes`, or as `splits` that
    contain class folders. `auto` decides by their names and stops with a question if
    they are ambiguous. Default: 'auto'."""
    image_column: str
    """Column of a table that identifies the image, by its path below `image_root` or by
    its file name with or without the extension. Default: 'image'."""
    group_column: str | None
    """Column of a table that identifies the group of an image, such as the patient.
    Images of one group never end up in different splits. Default: None."""
    metadata: Sequence[str | os.PathLike[str]] | None
    """Tables (.csv or .tsv) with one row per image, joined to the images of folders and
    tables by `image_column`: for `features`, `group_column` and slices. Default:
    None."""
    features: Sequence[str] | None
    """Columns of a table that the model receives in addition to the image, such as age
    and sex. Numbers are standardized, text is treated as categories. Cells may be
    empty. Default: None."""
    categorical_features: Sequence[str] | None
    """Columns in `features` whose numbers are categories, such as codes. Default:
    None."""
    validation_split: float
    """Fraction of each class of `train` to hold out for validation if `validation` is
    not given. Default: 0.2."""
    test_split: float
    """Fraction of each class of `train` to hold out for testing. Default: 0.0."""
    folds: int | None
    """Number of cross-validation folds: train once per fold, each time with another
    fold for validation. Default: None."""
    fold: int | None
    """Train only this fold, counted from 1. Default: None."""
    split: str | os.PathLike[str] | None
    """The split.csv of an earlier run; files that it lists keep their split. Default:
    None."""
    train_on_validation: bool
    """Whether to train on the validation images as well, for a final model whose
    settings have been chosen; there is no validation then. Default: False."""
    check: Check
    """Which duplicates to look for: `copies` (equal bytes), `full` (near copies as
    well, which are only kept on one side of the split) or `off`. `lazy` opens no file
    before it is used, so that training on a million files starts at once. Default:
    'copies'."""
    image_size: int
    """Height and width in pixels after resizing. Default: 224."""
    batch_size: int
    """Global batch size: images per step over all devices. Default: 32."""
    cache: Cache
    """Where to keep decoded images between epochs. `auto` means `disk` if they fit into
    the size limit of the cache, otherwise `none`. Default: 'auto'."""
    find_images_by: FindImagesBy
    """How to recognize image files: by `extension`, or by `content`, which also accepts
    other files that begin like an image. Default: 'extension'."""
    max_megapixels: float
    """Images with more megapixels count as unreadable. Default: 64.0."""
    bit_depth: int | None
    """Bits that 16-bit images actually use per channel, such as 12. With null, all 16
    are assumed, and the run stops if no image uses them. Default: None."""
    exif_orientation: ExifOrientation
    """Whether to rotate images according to their EXIF data (`apply`), or to count
    images that would be rotated as unreadable (`refuse`). Default: 'apply'."""
    on_unreadable: UnreadablePolicy
    """What to do with files that can't be decoded. Default: 'error'."""
    on_conflict: Policy
    """What to do with an image that is filed under two classes. Default: 'error'."""
    on_leak: Policy
    """What to do with a training image that is also in the validation or test set. Also
    applies to held-out images that the run in `model.weights` was trained on; only
    `keep` accepts these. Default: 'error'."""
    class_balance: ClassBalance
    """How to compensate for class imbalance in training: `sampling` draws each class
    equally often, `weights` weights the examples. Default: 'none'."""
    seed: int
    """Seed of everything random: split, order, augmentation, initial weights, dropout.
    Default: 0."""
    cache_dir: str | os.PathLike[str] | None
    """Folder of the cache that runs share; by default `$KERAUNOS_CACHE_DIR`, or the
    cache folder of the user. Default: None."""


class TableOptions(FolderOptions, total=False):
    """Images to train, validate and test on, and how to read them."""

    image_root: str | os.PathLike[str] | None
    """Folder that contains the images of a table; by default the folder of the table.
    Default: None."""
    label_column: str
    """Column of a table that contains the class. Default: 'label'."""
    label_columns: Sequence[str] | None
    """Instead of `label_column`: one column per class, with 1 for the class of the
    image and 0 otherwise. If a table has no column `label`, columns of 0 and 1 that
    give each image exactly one class are detected. Default: None."""
    split_column: str | None
    """Column of a table that assigns each image to a split; `auto` uses a column called
    `split`, null ignores it. Default: 'auto'."""
    task: Task
    """What to predict for each image: one of several classes; any number of labels
    (`multi_label`); or one or more numbers (`regression`). The latter two need a table.
    Default: 'classification'."""


class ModelOptions(TypedDict, total=False):
    """The model: a frozen backbone with a new head, or your own model."""

    backbone: str
    """A network of keras.applications, `keras_hub:PRESET` or `keras_hub:DIRECTORY`, or
    `package.module:function`. Default: 'ResNet50'."""
    weights: str | os.PathLike[str] | None
    """Initial weights of the backbone: `imagenet`, a run directory, a Keras,
    safetensors or PyTorch file (docs/weights.md), or null for random initialization.
    Default: 'imagenet'."""
    head: Head
    """Classifier on the features. `linear` (softmax) and `cosine` are trained; `ridge`
    and `knn` (nearest neighbors) are fitted to all training images at once, without
    epochs. See docs/heads.md. Default: 'linear'."""
    l2: float | None
    """L2 penalty of ridge, as a multiple of the mean feature variance; null chooses it
    by leave-one-group-out on the training set. Default: None."""
    neighbors: int
    """Number of training images that vote in knn. Default: 20."""
    temperature: float | None
    """Temperature by which knn and cosine divide similarities. With null, knn chooses
    it by leave-one-group-out, and cosine learns it. Default: None."""
    dropout: float
    """Dropout rate before the head. Default: 0.2."""
    standardize_features: bool
    """Scale each feature to mean 0 and variance 1 on the training set. Takes one pass
    over the training set; helps heads on untrained networks. Default: False."""
    loss: Loss
    """Loss function. `focal` gives less weight to easy examples, `class_balanced` to
    frequent classes; `logit_adjusted` demands larger margins for rare classes. For
    regression: `mean_squared_error`, `mean_absolute_error` or `huber`. Default:
    'crossentropy'."""
    label_smoothing: float
    """Fraction of each target that is spread evenly over all classes. Default: 0.0."""
    focal_gamma: float
    """How strongly `focal` reduces the weight of easy examples. Default: 2.0."""
    focal_alpha: float
    """Factor of the `focal` loss. Default: 0.25."""
    class_balanced_beta: float
    """With 0, `class_balanced` weights all classes equally; close to 1, it weights a
    class by the inverse of its number of training images. Default: 0.999."""
    logit_adjusted_tau: float
    """Strength of `logit_adjusted`; 0 is plain crossentropy. Default: 1.0."""
    metrics: Sequence[MetricName]
    """Metrics to compute in training and validation; any of them can be monitored.
    `recall_per_class` is one metric per class, named `recall_CLASS`. Other tasks have
    other metrics: see docs/tasks.md. Default: ['accuracy', 'balanced_accuracy']."""


class TrainerOptions(TypedDict, total=False):
    """Where and how long to train."""

    accelerator: Accelerator
    """Type of device to train on; `gpu` never falls back to the CPU. Default:
    'auto'."""
    devices: Literal["auto"] | int
    """Number of devices; `auto` uses all of them. Default: 'auto'."""
    precision: Precision
    """Keras dtype policy. Default: 'float32'."""
    deterministic: bool
    """Make TensorFlow use deterministic operations. Slower on GPUs; stays enabled for
    the rest of the process. Default: False."""
    max_epochs: int
    """Maximum number of epochs. Default: 10."""
    min_epochs: int
    """Minimum number of epochs; no callback can stop training earlier. Default: 0."""
    max_steps: int | None
    """Maximum number of steps; an epoch that this cuts short counts as an epoch.
    Default: None."""
    max_time: str | None
    """Maximum training time, `DD:HH:MM:SS`, after which the run saves its state and
    stops; it can be resumed. Default: None."""
    limit_train_batches: int | float | None
    """Maximum number of training batches per epoch (integer), or the fraction of them
    to use (float up to 1.0). Default: None."""
    limit_val_batches: int | float | None
    """Maximum number of validation batches (integer), or the fraction of them to use
    (float up to 1.0). Default: None."""
    overfit_batches: int | float | None
    """Train and validate repeatedly on this number (integer) or fraction (float up to
    1.0) of the batches of the first epoch, to check that the model can learn at all.
    Default: None."""
    validate_every_n_epochs: int
    """Epochs between validations. Default: 1."""
    validate_every_n_steps: int | None
    """Steps between additional validations within an epoch. Default: None."""
    sanity_validation_batches: int
    """Validation batches to run before the first training step, so that a bug in
    validation shows at once. Default: 0."""
    fast_dev_run: bool
    """Smoke test: run one training batch and one validation batch, and keep nothing.
    Default: False."""
    steps_per_execution: Literal["auto"] | int
    """Steps per call of the device; `auto` makes each call take about a tenth of a
    second. Default: 'auto'."""
    jit_compile: Literal["auto"] | bool
    """Whether to compile the forward and backward pass of each replica with XLA. `auto`
    does so on GPUs if a first batch compiles and gives the same results. Default:
    'auto'."""
    use_ema_weights: bool
    """Validate, save and export the moving averages of the weights instead of the
    weights; needs `optimizer.use_ema`. Default: False."""
    sync_batch_norm: Literal["auto"] | bool
    """Whether BatchNormalization shares batch statistics between replicas; `auto` does.
    Without it, results depend on the number of replicas, and the moving statistics are
    the mean over the replicas. Default: 'auto'."""
    check_replicas: bool
    """Before the first step on several devices, run a small batch both whole and split,
    and refuse anything whose result would depend on the number of devices: a model that
    mixes examples, or a loss or metric of the whole batch. Default: True."""
    seed: int
    """Seed of everything random: split, order, augmentation, initial weights, dropout.
    Default: 0."""
    feature_cache: FeatureCache
    """Compute the features of a frozen backbone once per image and keep them for all
    runs. `auto` does so if augmentation.views is a number or augmentation is off.
    Default: 'auto'."""


class SearchOptions(TypedDict, total=False):
    """Hyperparameter search: which settings vary, and how to choose among the trials."""

    tuner: TunerName
    """Search algorithm: the Keras Tuner oracle. Default: 'bayesian'."""
    mode: Mode
    """Whether the objective is minimized or maximized; `auto` decides by its name.
    Default: 'auto'."""
    max_trials: int
    """Maximum number of trials; hyperband determines its own number. Default: 24."""
    folds: int | None
    """Train each trial on this many grouped folds; its score is the mean over them.
    Default: None."""
    choose: TrialChoice
    """Which trial wins: the best, or the simplest one within one standard error of the
    best. Default: 'best'."""
    max_time: str | None
    """Start no new trial after this time, DD:HH:MM:SS. Default: None."""
    max_seconds_per_trial: float | None
    """Maximum training time of a trial in seconds, over all its folds. Default:
    None."""
    patience: int | None
    """Stop after this many consecutive trials without an improvement. Default: None."""
    keep: int
    """Number of best trials whose weights are kept. Default: 1."""
    hyperband_factor: int
    """Each round of hyperband continues one in this many trials. Default: 3."""


class AlertsOptions(TypedDict, total=False):
    """Runs a command or posts JSON when an event occurs in a run."""

    on: Sequence[EventKind]
    """Kinds of events to send an alert for. Default: ['end', 'failure', 'stall',
    'divergence']."""
    command: Sequence[str] | None
    """Program and arguments, run without a shell; receives the event as JSON on
    standard input. Default: None."""
    url: str | None
    """URL to post the event to as JSON, instead of a command. Default: None."""
    timeout_seconds: float
    """Seconds after which an alert is abandoned. Default: 10.0."""
    at_most: int
    """Maximum number of alerts that a run sends. Default: 20."""


class BackboneFinetuningOptions(TypedDict, total=False):
    """Trains the head first, then unfreezes the backbone, at once or stage by stage."""

    last_layers: int | None
    """Number of layers with weights to unfreeze, counted from the end. Default:
    None."""
    stages: int | Sequence[str] | None
    """Number of stages of the backbone to unfreeze one after another, starting with the
    last; or a list of layers or stages to unfreeze from in turn. Default: None."""
    at_epoch: int | None
    """Maximum number of epochs for the head alone; null leaves this to `monitor`.
    Default: 5."""
    every_epochs: int | None
    """Maximum number of epochs per stage before the next is unfrozen; null leaves this
    to `monitor`, and means 1 if there is no `monitor`. Default: None."""
    monitor: str | None
    """Metric to monitor; each time it stops improving, the backbone or its next stage
    is unfrozen. Default: None."""
    patience: int
    """Epochs without improvement after which the next stage is unfrozen. Default: 2."""
    min_delta: float
    """Minimum change that counts as an improvement. Default: 0.0."""
    mode: Mode
    """Whether the metric is minimized or maximized; `auto` decides by its name.
    Default: 'auto'."""
    learning_rate: float
    """Learning rate of all trainable layers after unfreezing. Default: 1e-05."""
    learning_rate_factor: float
    """Factor on the learning rate at each further stage. Default: 1.0."""
    schedule: ScheduleOptions | None
    """Schedule of the learning rate after unfreezing, as in `optimizer.schedule`, with
    epochs counted from then on. A warm-up before cosine or linear takes at most half of
    the remaining epochs. Default: None."""
    train_batch_norm: bool
    """Also train BatchNormalization layers among the unfrozen layers. Default:
    False."""


class EarlyStoppingOptions(TypedDict, total=False):
    """Stops training when a metric has stopped improving."""

    patience: int
    """Epochs without improvement after which training stops. Default: 3."""
    min_delta: float
    """Minimum change that counts as an improvement. Default: 0.0."""
    mode: Mode
    """Whether the metric is minimized or maximized; `auto` decides by its name.
    Default: 'auto'."""
    restore_best_weights: bool
    """Restore the weights of the best epoch at the end. Default: True."""
    stopping_threshold: float | None
    """Stop once the metric is as good as this value. Default: None."""
    divergence_threshold: float | None
    """Stop once the metric is worse than this value. Default: None."""
    check_finite: bool
    """Stop at once if the metric is NaN or infinite; otherwise this counts as an epoch
    without improvement. Default: False."""


class HealthOptions(TypedDict, total=False):
    """Samples steps at regular intervals: times, gradients, updates and memory."""

    every_n_steps: int
    """Steps between two samples. Default: 50."""


class HeartbeatOptions(TypedDict, total=False):
    """Regularly writes a small file that shows a watchdog that the run makes progress."""

    file: str | os.PathLike[str] | None
    """Path of the file; by default `heartbeat.json` in the run directory. Default:
    None."""
    every_seconds: float
    """Seconds between two writes. Default: 10.0."""


class JsonLogOptions(TypedDict, total=False):
    """Logs the progress of training as JSON lines."""

    seconds_between_lines: float
    """Seconds between log lines within an epoch. Default: 60.0."""


class LearningRateFinderOptions(TypedDict, total=False):
    """Tries learning rates before training and uses a good one."""

    smallest: float
    """First learning rate to try. Default: 1e-06."""
    largest: float
    """Last learning rate to try. Default: 1.0."""
    num_steps: int
    """Number of learning rates to try. Default: 100."""


class ModelCheckpointOptions(TypedDict, total=False):
    """Saves checkpoints, and keeps the best and the newest."""

    mode: Mode
    """Whether the metric is minimized or maximized; `auto` decides by its name.
    Default: 'auto'."""
    save_top_k: int
    """Number of best checkpoints to keep. Default: 1."""
    save_last: bool
    """Also keep the newest checkpoint. Default: True."""
    every_n_epochs: int
    """Epochs between checkpoints. Default: 1."""
    every_n_steps: int | None
    """Steps between additional checkpoints within an epoch. Default: None."""
    every_n_minutes: float | None
    """Minutes between additional checkpoints within an epoch. Default: None."""
    restore_best: bool
    """Restore the weights of the best checkpoint at the end. Default: True."""
    soup: SoupKind | None
    """Model soup: at the end, average the weights of the `save_top_k` best checkpoints
    and use the mean if it is as good on validation. `greedy` adds checkpoints one by
    one as long as that holds, `uniform` averages all of them. Default: None."""
    save_weights_only: bool
    """Save only the weights of the model, in directories `weights-...`. These are
    smaller, but no run can be resumed from them. The full state is still saved if a run
    is interrupted. Default: False."""
    save_on_exception: bool
    """Save a checkpoint if an error ends training, to resume from there. Nothing is
    saved if the error occurred within a step. Default: False."""


class PlateauWatchOptions(TypedDict, total=False):
    """Reports that a metric has not improved for some epochs; never stops the run."""

    monitor: str | None
    """Metric to monitor; by default `val_loss`, or `loss` without validation. Default:
    None."""
    patience: int
    """Epochs without improvement after which to report a plateau. Default: 5."""
    min_delta: float
    """Minimum change that counts as an improvement. Default: 0.0."""
    mode: Mode
    """Whether the metric is minimized or maximized; `auto` decides by its name.
    Default: 'auto'."""


class ProgressBarOptions(TypedDict, total=False):
    """Shows the progress of training."""

    refresh_seconds: float
    """Seconds between updates of the panel on a terminal. Default: 0.5."""
    seconds_between_lines: float
    """Seconds between log lines if there is no terminal. Default: 60.0."""


class PrometheusOptions(TypedDict, total=False):
    """Exposes the state of a run to Prometheus, over HTTP or in a file."""

    port: int | None
    """Port of the HTTP endpoint. Default: None."""
    host: str
    """Address to listen on, with `port`. Default: '127.0.0.1'."""
    textfile: str | os.PathLike[str] | None
    """File for the textfile collector of the node exporter, `NAME.prom`. Default:
    None."""
    every_seconds: float
    """Seconds between two writes of `textfile`. Default: 15.0."""


class StallWatchOptions(TypedDict, total=False):
    """Reports a stall, and where the run hangs, if no step ends for a long time."""

    times_median: float
    """Time without a step that counts as a stall, as a multiple of the median step
    time. Default: 20.0."""
    seconds_at_least: float
    """Minimum number of seconds without a step that counts as a stall. Default:
    60.0."""
    seconds_between_steps: float
    """Seconds that validation, saving or anything else between steps may take. Default:
    3600.0."""


class TensorBoardOptions(TypedDict, total=False):
    """Writes event files for TensorBoard."""

    images: bool
    """Also write images. Default: True."""
    images_every_n_epochs: int
    """Epochs between validation images (confusion matrix and mistakes). They are always
    written after the last epoch. Default: 5."""
    profile_steps: Sequence[int] | None
    """First and last step to profile, counted from 1. Default: None."""


class WorkerWatchOptions(TypedDict, total=False):
    """Reports which of several workers is silent or lagging, and since when."""

    silent_seconds: float
    """Seconds without a heartbeat after which a worker is reported. Default: 5.0."""
