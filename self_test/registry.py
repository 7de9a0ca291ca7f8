"""All checks, the most important first; those at the end are left out where time is short.

Each names the sentence of the documents that it proves or breaks.
"""

from .check import Check

_SAME_RESULT = "the number of devices does not change the result"

CHECKS = (
    Check(
        "replicas agree, float32",
        _SAME_RESULT,
        "replicas_agree",
        "several",
        25,
        {"precision": "float32"},
    ),
    Check(
        "all-reduce",
        "losses and metrics are exact over devices",
        "all_reduce",
        "several",
        12,
    ),
)
