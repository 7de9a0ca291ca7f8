from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from keraunos.report.facts import RunFacts
from keraunos.report.page.model_card import model_card
from keraunos.report.page.page import page
from keraunos.report.run_report import RunReport
from report_pages import facts, report


def split_card(card):
    _, header, body = card.split("---\n", 2)
    return yaml.safe_load(header), body


def test_header_has_the_fields_of_model_hubs():
    header, _ = split_card(model_card(report(contradictory=[1])))
    assert header["library_name"] == "keras"
    assert header["pipeline_tag"] == "image-classification"
    assert header["license"] == "unknown"
    licensed = replace(report(), license="cc-by-nc-4.0")
    assert split_card(model_card(licensed))[0]["license"] == "cc-by-nc-4.0"
    shipped, cleaned = header["model-index"][0]["results"]
    assert shipped["dataset"]["split"] == "test"
    values = {each["type"]: each["value"] for each in shipped["metrics"]}
    assert values["balanced_accuracy"] == pytest.approx((2 / 3 + 3 / 4) / 2, abs=1e-6)
    assert cleaned["metrics"][0]["value"] == pytest.approx((1 + 3 / 4) / 2, abs=1e-6)


def test_body_contains_scores_limitations_and_gaps():
    _, body = split_card(model_card(report(contradictory=[1])))
    assert "| balanced accuracy | 0.708 (" in body
    assert "- Detecting angioma: there were no test images" in body
    assert "not measured: vector scaling" in body
    assert "Too sure of itself." in body


def test_cleaned_scores_are_explained_if_present():
    assert "Cleaned: " in model_card(report(contradictory=[1]))
    card = model_card(report())
    assert "Cleaned: " not in card
    assert "| score | all test images |" in card


def test_only_the_last_part_of_a_path_is_shared():
    data = {"train": "/home/jane/lesions/", "validation": "/home/jane/v.csv"}
    shared = facts(
        settings={"data": data, "model": {"weights": "/home/jane/w.h5", "backbone": "B"}},
        environment={"command": ["fit", "data.train=/home/jane/lesions"]},
        directory=Path("/home/jane/runs/one"),
    )
    for text in (model_card(report(facts=shared)), page([report(facts=shared)])):
        assert "lesions" in text
        assert "jane" not in text


def test_card_without_scores_states_that_there_are_none():
    header, body = split_card(model_card(RunReport(RunFacts("bare"))))
    assert "model-index" not in header
    assert "There is no score" in body


def test_names_are_escaped_in_markdown_html_and_yaml():
    name = "a: [b]\n---\n# <script>|`x`\udcff"
    settings = {"data": {"train": name}, "model": {"backbone": name}}
    card = model_card(report(facts=facts(name=name, settings=settings)))
    card.encode()
    header, body = split_card(card)
    assert header["model_name"] == "a: [b]\\n---\\n# <script>|`x`\\udcff"
    assert "<script>" not in body.replace("\\<script\\>", "")
    assert "\n# \\<" not in body


@pytest.mark.nightly
def test_card_can_be_read_by_hugging_face():
    hub = pytest.importorskip("huggingface_hub")
    card = hub.ModelCard(model_card(report(contradictory=[1])))
    results = card.data.eval_results
    assert {each.metric_type for each in results} >= {"accuracy", "macro_f1"}
    assert card.data.library_name == "keras"
