"""The values of settings with a fixed set of choices."""

from typing import Literal

from ..core.run_events import EventKind as EventKind

# The run
EffortName = Literal["quick", "good", "best"]

# Data
CopyCheck = Literal["copies", "full"]
Check = Literal[CopyCheck, "off", "lazy"]
Cache = Literal["auto", "memory", "disk", "none"]
ClassBalance = Literal["none", "weights", "sampling"]
ExifOrientation = Literal["apply", "refuse"]
FindImagesBy = Literal["extension", "content"]
Layout = Literal["auto", "classes", "splits"]
UnreadablePolicy = Literal["error", "drop"]
Policy = Literal[UnreadablePolicy, "keep"]

# Models and optimizers
FeatureCache = Literal["auto", "on", "off"]
Head = Literal["linear", "cosine", "knn", "ridge"]
Loss = Literal[
    "crossentropy",
    "focal",
    "class_balanced",
    "logit_adjusted",
    "mean_squared_error",
    "mean_absolute_error",
    "huber",
]
MetricName = Literal[
    "accuracy",
    "balanced_accuracy",
    "macro_f1",
    "macro_roc_auc",
    "recall_per_class",
    "label_accuracy",
    "mean_average_precision",
    "mean_absolute_error",
    "root_mean_squared_error",
    "r2",
]
OptimizerName = Literal[
    "sgd",
    "rmsprop",
    "adam",
    "adamw",
    "adagrad",
    "adadelta",
    "adamax",
    "nadam",
    "adafactor",
    "ftrl",
    "lion",
    "lamb",
]
WeightDecayExclusion = Literal["none", "biases_and_norms", "biases_norms_and_embeddings"]
ScheduleName = Literal["cosine", "linear", "exponential", "step", "constant"]

# The search
TrialChoice = Literal["best", "one_standard_error"]
SearchFinish = Literal["none", "refit", "ensemble"]

Task = Literal["classification", "multi_label", "regression"]

# Training and search
Accelerator = Literal["auto", "gpu", "cpu"]
Export = Literal["compiled"] | bool
Mode = Literal["auto", "min", "max"]
SoupKind = Literal["greedy", "uniform"]
Precision = Literal["float32", "mixed_float16", "mixed_bfloat16"]
TunerName = Literal["bayesian", "random", "hyperband", "grid"]
