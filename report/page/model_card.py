"""Writes a model card with the fields of Hugging Face from a report."""

import re
from collections.abc import Iterator
from typing import Any

import yaml

from ...core.names import printable
from ..numbers import shown, with_interval
from ..run_report import RunReport
from .local_paths import name_of
from .summary import headline, not_for, on_what_data, what_it_does
from .task_words import WORDS

_KINDS = ("image-classification", "image-regression")  # hubs have no task for the second


def model_card(report: RunReport) -> str:
    """Returns Markdown with a YAML header, as model hubs expect it."""
    header = yaml.safe_dump(
        _header(report), sort_keys=False, allow_unicode=False, default_flow_style=False
    )
    return f"---\n{header}---\n\n" + "\n".join(_body(report)) + "\n"


def _header(report: RunReport) -> dict[str, Any]:
    name = printable(report.facts.name)
    return {
        "library_name": "keras",
        "license": report.license,
        **({"pipeline_tag": _KINDS[0]} if report.task != "regression" else {}),
        "tags": [_kind(report), "keras", "keraunos"],
        "model_name": name,
        **({"model-index": _index(report, name)} if report.scores else {}),
    }


def _kind(report: RunReport) -> str:
    return _KINDS[report.task == "regression"]


def _index(report: RunReport, name: str) -> list[dict[str, Any]]:
    """Returns results on all test images, and without contradictory ones."""
    kind = _kind(report)
    versions = {"all test images": report.scores, "cleaned": report.cleaned}
    dataset = printable(name_of(report.facts.setting("data.train") or "not named"))
    results = [
        {
            "task": {"type": kind, "name": kind.replace("-", " ").capitalize()},
            "dataset": {
                "type": "images",
                "name": f"{dataset} ({version})",
                "split": "test",
            },
            "metrics": [
                {"type": metric, "name": title, "value": round(float(scores[metric]), 6)}
                for metric, title in WORDS[report.task].scores.items()
                if scores.get(metric) is not None
            ],
        }
        for version, scores in versions.items()
        if scores
    ]
    return [{"name": name, "results": results}]


def _body(report: RunReport) -> Iterator[str]:
    yield f"# {_plain(report.facts.name)}\n"
    yield f"{_plain(what_it_does(report))}\n"
    yield "## Data\n"
    yield f"{_plain(on_what_data(report.facts))}\n"
    yield "## Results\n"
    yield from _results(report)
    if report.all_warnings:
        yield "## Warnings\n"
        yield from _list(report.all_warnings)
    yield "## Out-of-scope use\n"
    yield from _list(not_for(report))
    conclusions = [each for part in report.findings.values() for each in part.conclusions]
    if conclusions:
        yield "## Further evaluation\n"
        yield from _list(conclusions)
    if report.all_gaps:
        yield "## Limitations of this report\n"
        yield from _list(report.all_gaps)
    yield "## How to use\n"
    yield "```python\nimport keras\n\nmodel = keras.models.load_model('model.keras')\n```\n"
    yield f"It takes RGB images from 0 to 255{_size(report)}; its outputs are the "
    yield f"{WORDS[report.task].outputs} in classes.txt, in that order.\n"


def _results(report: RunReport) -> Iterator[str]:
    if report.scores is None:
        yield "There is no score: no test images could be scored.\n"
        return
    columns = [("all test images", report.scores)]
    columns += [("cleaned", report.cleaned)] if report.cleaned else []
    yield "| score | " + " | ".join(name for name, _ in columns) + " |"
    yield "|---|" + "---|" * len(columns)
    rows = zip(*(headline(scores, report.task) for _, scores in columns), strict=True)
    for row in rows:
        cells = [with_interval(each) for each in row]
        yield f"| {row[0]['name']} | " + " | ".join(cells) + " |"
    counts = " | ".join(shown(scores[WORDS[report.task].images]) for _, scores in columns)
    yield f"| test images | {counts} |\n"
    yield "With 95% bootstrap intervals."
    if report.cleaned:
        yield "Cleaned: without images that have a copy in another class."
    yield ""


def _size(report: RunReport) -> str:
    size = report.facts.setting("data.image_size")
    return f" of {size} by {size} pixels" if isinstance(size, int) else ""


def _list(lines: Any) -> Iterator[str]:
    yield from (f"- {_plain(line)}" for line in lines)
    yield ""


def _plain(text: str) -> str:
    """Escapes text for Markdown and HTML, because names may contain anything."""
    return re.sub(r"([\\`*_{}\[\]<>#|$~&])", r"\\\1", printable(text))
