import re

import numpy as np
from keraunos.report.page import svg
from keraunos.report.page.svg import inline_svg
from matplotlib.figure import Figure
from report_pages import figure


def test_figures_of_a_page_share_no_identifiers():
    first, second = (inline_svg(figure(), name, "A line") for name in ("one", "two"))
    identifiers = [set(re.findall(r'\bid="([^"]+)"', each)) for each in (first, second)]
    assert identifiers[0]
    assert not identifiers[0] & identifiers[1]
    for text, own in zip((first, second), identifiers, strict=True):
        used = re.findall(r'url\(#([^)]+)\)|href="#([^"]+)"', text)
        assert used
        assert {a or b for a, b in used} <= own


def test_svg_generation_is_deterministic():
    assert inline_svg(figure(), "one", "A line") == inline_svg(figure(), "one", "A line")


def test_svg_text_is_escaped_and_has_no_external_references():
    text = inline_svg(figure("confidence <&>"), "one", 'A "line" <b>')
    assert ">confidence &lt;&amp;&gt;</text>" in text
    assert 'aria-label="A &#34;line&#34; &lt;b&gt;"' in text
    assert not re.search(r"https?:|<style|<metadata|<!DOCTYPE|<\?xml", text)


def test_figure_with_many_shapes_is_rasterized(monkeypatch):
    monkeypatch.setattr(svg, "LARGEST_SVG", 10_000)
    crowded = Figure(figsize=(2, 2))
    points = np.random.default_rng(0).random((2, 500))
    crowded.subplots().scatter(*points)
    text = inline_svg(crowded, "one", "A cloud")
    assert text.startswith('<img alt="A cloud" src="data:image/png;base64,')
