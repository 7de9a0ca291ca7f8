"""Arbitrary values are accepted, or rejected with messages that name their source."""

import random
import string

import pytest
from keraunos.configs import load_config, to_yaml
from keraunos.configs.yaml_file import MAX_DEPTH
from keraunos.core.errors import ConfigError

QUICK, ALL = range(40), range(1000)
SETTINGS = {
    "whole number": "trainer.max_epochs",
    "number": "model.dropout",
    "number or null": "callbacks.early_stopping.min_delta",
    "true or false": "trainer.deterministic",
    "word": "data.check",
    "word or number": "trainer.devices",
    "batches": "trainer.limit_train_batches",
    "text": "trainer.strategy",
    "path": "run_dir",
    "time": "trainer.max_time",
    "list": "model.metrics",
    "group": "optimizer.schedule",
    "import path": "model.builder",
    "argument": "model.arguments.size",
    "option of Keras": "optimizer.clipnorm",
    "callback": "callbacks.early_stopping",
    "custom callback": "callbacks.mine",
    "domain": "search.space.model.dropout",
}


WORDS = r"""
1e400 -1e999 1e-400 .inf -.inf .nan inf nan 0x1F 0o7 1_0 1__ 007 1:30 00:01:30:00 0 1 -1 0.5
true False yes off null ~ auto error adam copies [ { ' " &a *a @ ` % | > ! ? - , #
"\0" "\ud800" [red]x[/] [/] :warning: $x$ %s {0}
own:build :x ..a:b a:b:c 1:2 os:system [accuracy] [accuracy,1] &a[*a] {} []
""".split()  # noqa: SIM905
CHARACTERS = ["\0", "\udcff", "\x1b[31m", "\u202e", "\u2028", "\x85", "é", "\ufeff"]
GROUPS = r"""
{<<: {a: 1}}; {a: 1, a: 2}; {[1]: 2}; {null: 1}; {"a\nb": 1}; {"": 1}; &a [*a]; {b: &b [*b]}
{name: cosine}; {name: step, factor: 0.5}; {float: [0, 1]}; {float: [0, 0.5]}; {choice: []}
{class: a:b}; {class: 5}; {class: [1]}; {patience: 0}; {class: early_stopping}; ? x; a b:c
""".replace("\n", ";").split(";")
TAGS = [
    "int",
    "float",
    "bool",
    "null",
    "str",
    "map",
    "seq",
    "set",
    "merge",
    "python/name:os",
]
TAGGED = ["abc", "1", "[1]", "{a: 1}", ""]


def any_value(random: random.Random) -> str:
    """Returns something a user may write after a colon, or after `key=`."""
    depth = random.choice([1, 5, MAX_DEPTH, 70])
    digits = random.choice([1, 3, 18, 19, 40, 400, 5000])
    return random.choice(
        [
            random.choice(WORDS),
            random.choice(CHARACTERS),
            random.choice(GROUPS).strip(),
            "".join(random.choices(string.digits, k=digits)),
            f"-{random.randrange(10 ** min(digits, 99))}",
            f"{random.uniform(-2, 2)}",
            f"!!{random.choice(TAGS)} {random.choice(TAGGED)}",
            "[" * depth,
            "[" * depth + "]" * depth,
            "{a: " * depth + "1" + "}" * depth,
            "".join(random.choices(string.printable, k=random.randint(0, 12))),
        ]
    )


def in_a_file(setting: str, value: str) -> str:
    *groups, name = setting.split(".")
    lines = [f"{'  ' * depth}{group}:" for depth, group in enumerate(groups)]
    return "\n".join([*lines, f"{'  ' * len(groups)}{name}: {value}", ""])


def require_words(error: ConfigError, place: str) -> None:
    for line in str(error).splitlines():
        assert line.startswith(place), line
        assert line.isprintable(), line
        assert len(line) < 2000


@pytest.mark.parametrize("seeds", [QUICK, pytest.param(ALL, marks=pytest.mark.nightly)])
@pytest.mark.parametrize("setting", SETTINGS.values(), ids=SETTINGS)
def test_any_value_is_accepted_or_rejected_with_a_clear_message(setting, seeds, tmp_path):
    file, written = tmp_path / "my.yaml", tmp_path / "written.yaml"
    taken = set()
    for seed in seeds:
        value = any_value(random.Random(seed))
        file.write_text(in_a_file(setting, value), "utf-8", "surrogateescape", "")
        for sources, overrides, place in (
            ([], [f"{setting}={value}"], "command line: "),
            ([str(file)], [], f"{file}:"),
        ):
            try:
                config = load_config(sources, overrides)
            except ConfigError as error:
                require_words(error, place)
                continue
            text = to_yaml(config)
            if text not in taken:
                taken.add(text)
                written.write_text(text, encoding="utf-8")
                assert load_config([str(written)]) == config
