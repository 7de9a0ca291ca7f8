"""Descriptions of scalars and images in TensorBoard: units, and which values are bad."""

import re

_DESCRIPTIONS = {
    r"loss": "Mean over the examples of the epoch.",
    r"learning_rate|health/learning_rate": "Learning rate of the next step.",
    r"gradient_norm": "Mean over the updates of the epoch, before clipping.",
    r"data_wait_seconds": "Seconds of the epoch that were spent waiting for data.",
    r"seconds": "Seconds of the epoch that training took, without validation.",
    r"(images|examples)_per_second": "Training throughput of the epoch, all replicas.",
    r"memory_gib/process": "Resident memory of the process in GiB.",
    r"(health/)?memory_gib/gpu_\d+": "Peak memory that TensorFlow has allocated, in GiB.",
    r"health/input_wait_seconds": "Seconds that the step waited for its batch.",
    r"health/device_seconds": "Seconds from when the step had its batch to its end.",
    r"health/input_wait_share(/.*)?": "Share of the step that was spent waiting for its "
    "batch. **Bad: above 0.2**, the input pipeline is too slow.",
    r"health/all_reduce_share": "Share of `device_seconds` in all-reduce, and in waiting "
    "for the slowest replica. **Bad: above 0.3**.",
    r"health/gradient_norm/.*": "Gradient norm of one block. **Bad: 0**, the block does "
    "not learn.",
    r"health/update_ratio/.*": "Norm of the update divided by the norm of the weights of "
    "one block. Usual: 0.001. **Bad: above 0.1**, the learning rate is too high.",
    r"health/loss_scale": "Loss scale of mixed precision. **Bad: below 1**.",
    r"problems/.*": "**0: no problem, 1: a problem now**. The page Text describes it.",
    r"workers/\d+/last_step": "The last step that this worker reported.",
    r"workers/\d+/lag_steps": "Maximum number of steps this worker was behind the chief. "
    "As all take each step together, 1 is normal.",
    r"workers/\d+/longest_silence_seconds": "Longest time of the epoch without a sign of "
    "life of this worker. About 1 is normal. **Bad: above 5**, the worker was frozen.",
    r"samples": "Training images of each class, without augmentation.",
    r"augmented": "A training image, then augmented versions of it.",
    r"confusion_matrix": "Validation images by their class (row) and their prediction.",
    r"mistakes": "The most confidently misclassified validation images.",
    r"workers/restarts": "How often `keraunos launch` has restarted all workers.",
}


def describe(name: str) -> str:
    """Returns the description of a scalar or an image; empty if the name is sufficient.

    Example:
        >>> describe("health/loss_scale")
        'Loss scale of mixed precision. **Bad: below 1**.'
        >>> describe("accuracy")
        ''
    """
    found = (text for pattern, text in _DESCRIPTIONS.items() if re.fullmatch(pattern, name))
    return next(found, "")
