import pytest
from keraunos.configs.yaml_file import MAX_BYTES, parse_yaml, write_yaml
from keraunos.core.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 0.001),
        ("1E5", 1e5),
        ("-2.5", -2.5),
        (".5", 0.5),
        ("007", "007"),
        ("0", 0),
        ("12", 12),
        ("true", True),
        ("no", "no"),
        ("off", "off"),
        ("y", "y"),
        ("2020-01-01", "2020-01-01"),
        ("null", None),
        ("[1, two]", [1, "two"]),
        ("", None),
        ("\ufeffa: 1", {"a": 1}),
        ("a: 1\r\nb: 2\r\n", {"a": 1, "b": 2}),
        ("# nothing but comments\n", None),
        ("1: x\nnull: y", {"1": "x", "null": "y"}),
        ("!!str 5", "5"),
        ("!!float 1", 1.0),
        ("-9223372036854775807", -(2**63 - 1)),
        ("a: &x [1]\nb: *x", {"a": [1], "b": [1]}),
    ],
)
def test_scalars_are_parsed_without_yaml_surprises(text, value):
    assert parse_yaml(text, "x")[0] == value


def test_line_of_every_key_is_recorded():
    assert parse_yaml("a:\n  b: 1\nc: 2\n", "my.yaml")[1] == {
        "a": "my.yaml:1",
        "a.b": "my.yaml:2",
        "c": "my.yaml:3",
    }


def test_duplicate_key_is_an_error_with_its_line():
    with pytest.raises(ConfigError, match=r"my.yaml:3: `b` is given twice"):
        parse_yaml("a:\n  b: 1\n  b: 2\n", "my.yaml")


def test_python_tags_are_rejected_without_executing_code(tmp_path):
    canary = tmp_path / "canary"
    for payload in (
        f"!!python/object/apply:os.system ['touch {canary}']",
        "!!python/name:os.system",
    ):
        with pytest.raises(
            ConfigError, match=r"x:1: only plain YAML.*tag='tag:yaml.*python"
        ):
            parse_yaml(f"a: {payload}", "x")
    assert not canary.exists()


def test_alias_bomb_is_rejected_quickly():
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9)]
    with pytest.raises(ConfigError, match="at most 20000 values"):
        parse_yaml("\n".join(lines), "x")


def test_oversized_document_is_rejected():
    with pytest.raises(ConfigError, match="at most 200000 bytes"):
        parse_yaml("a: 1\n" * MAX_BYTES, "x")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: 1\nb: !!int abc", "x:2: this must be a whole number of at most 64 bits"),
        ("a: " + "9" * 5000, r"x:1: this must be a whole number .* \(5002 characters\)"),
        ("a: 1e400", "x:1: this must be a number of at most 64 bits"),
        ("a: !!bool 1", "x:1: this must be true or false"),
        ("a: !!map [1]", "x:1: only plain YAML is supported"),
        ("a: 1\n\nb: " + "[" * 3000, "x:3: .* more than 50 levels deep"),
        ("a: 1\nb: &b [*b]", "x:2: .* at most 50 levels deep"),
        ('a: "\\0"', "x:1: this must be text in Unicode without NUL"),
        ("a: 1\nb: \0", "x:2: .* special characters"),
        ('a: "\\ud800"', "x:1: this must be text in Unicode"),
        ("a: &a {b: 1}\nc:\n  <<: *a", "x:3: `<<` is not supported.*files are merged"),
        ("a: 1\n? [b]\n: 2", "x:2: a key must be a word"),
        ("a: 1\n---\nb: 2", "x:2: .*single document"),
    ],
)
def test_unsupported_yaml_is_rejected_in_one_line_with_its_location(text, words):
    with pytest.raises(ConfigError, match=words) as caught:
        parse_yaml(text, "x")
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    "text",
    ["1e5", "0.", "true", "no", "2020-01-01", "~", "", "é", "\x85", "\u2028", "a\n b\n"],
)
@pytest.mark.parametrize("in_ascii", [False, True])
def test_text_survives_a_yaml_round_trip(text, in_ascii):
    written = write_yaml({"a": text}, in_ascii)
    assert written.isascii() or not in_ascii
    assert parse_yaml(written, "x").content == {"a": text}


@pytest.mark.parametrize("text", ["a: [1", "\tb: 1", "a: b: c", "*a"])
def test_invalid_yaml_is_an_error(text):
    with pytest.raises(ConfigError, match="not valid YAML"):
        parse_yaml(text, "x")
