import jinja2
import pytest
from keraunos.core.html import page_environment
from markupsafe import Markup


def render(template, **values):
    return page_environment().from_string(template).render(**values)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("<script>alert('x')</script>", "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;"),
        ("a\x1b[2J\udcff", "a\\x1b[2J\\udcff"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        (Markup("<b>"), "<b>"),
        (7, "7"),
    ],
)
def test_values_are_escaped(value, shown):
    assert render("{{ value }}", value=value) == shown


def test_undefined_name_is_an_error():
    with pytest.raises(jinja2.UndefinedError):
        render("{{ nobody }}")
