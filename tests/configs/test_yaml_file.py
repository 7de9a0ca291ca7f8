import pytest
from keraunos.configs.yaml_file import MAX_BYTES, parse_yaml
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
    ],
)
def test_words_mean_what_people_mean(text, value):
    assert parse_yaml(text, "x")[0] == value


def test_each_key_knows_its_line():
    assert parse_yaml("a:\n  b: 1\nc: 2\n", "my.yaml")[1] == {
        "a": "my.yaml:1",
        "a.b": "my.yaml:2",
        "c": "my.yaml:3",
    }


def test_a_key_given_twice_is_an_error_with_its_line():
    with pytest.raises(ConfigError, match=r"my.yaml:3: `b` is given twice"):
        parse_yaml("a:\n  b: 1\n  b: 2\n", "my.yaml")


def test_code_is_not_run(tmp_path):
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


def test_a_bomb_of_aliases_is_refused_quickly():
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9)]
    with pytest.raises(ConfigError, match="at most 20000 values"):
        parse_yaml("\n".join(lines), "x")


def test_an_endless_file_is_refused():
    with pytest.raises(ConfigError, match="at most 1000000 bytes"):
        parse_yaml("a: 1\n" * MAX_BYTES, "x")


@pytest.mark.parametrize("text", ["a: [1", "\tb: 1", "a: b: c"])
def test_what_is_not_yaml_is_an_error(text):
    with pytest.raises(ConfigError, match="not valid YAML"):
        parse_yaml(text, "x")
