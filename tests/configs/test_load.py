import pytest
import yaml
from keraunos.configs import RunConfig, load_config, recipes, to_yaml
from keraunos.configs.yaml_file import write_yaml
from keraunos.core.errors import ConfigError


def write(path, text):
    path.write_text(text)
    return str(path)


def test_files_merge_left_to_right_and_typed_settings_override_them(tmp_path):
    first = write(
        tmp_path / "a.yaml", "seed: 1\ndata:\n  batch_size: 8\n  image_size: 64\n"
    )
    second = write(tmp_path / "b.yaml", "data:\n  batch_size: 16\n")
    config = load_config([first, second], ["data.image_size=96"])
    assert (config.seed, config.data.batch_size, config.data.image_size) == (1, 16, 96)


def test_callbacks_keep_their_order_and_null_disables_one(tmp_path):
    path = write(
        tmp_path / "a.yaml", "callbacks:\n  tensorboard: {}\n  early_stopping: {}\n"
    )
    config = load_config([path], ["callbacks.tensorboard=null"])
    assert list(config.callbacks.items()) == [("tensorboard", None), ("early_stopping", {})]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (["model.loss=focal", "model.class_balanced_beta=0.9"], "focal has no option"),
        (["model.logit_adjusted_tau=2"], "crossentropy has no option logit_adjusted_tau"),
        (
            ["model.loss=logit_adjusted", "data.class_balance=sampling"],
            "compensated only once: by the loss",
        ),
        (
            [
                "data.class_balance=weights",
                "search.space.model.loss.choice=[focal,class_balanced]",
            ],
            r"`search\.space\.model\.loss`: .*compensated only once",
        ),
        (
            [
                "callbacks.model_checkpoint={save_top_k: 3, soup: greedy}",
                "callbacks.backbone_finetuning.train_batch_norm=true",
            ],
            "BatchNorm layers are frozen",
        ),
        (["data.train=X", "trainer.use_ema_weights=true"], r"optimizer\.use_ema=true"),
        (["search.space.model.focal_gamma.float=[1.0,3.0]"], "crossentropy has no option"),
    ],
)
def test_incompatible_loss_balance_and_callback_settings_are_rejected(settings, words):
    with pytest.raises(ConfigError, match=words):
        load_config([], settings)
    load_config([], ["model.loss=focal", "search.space.model.focal_gamma.float=[1.0,3.0]"])


@pytest.mark.parametrize("switch", ["false", "true"])
def test_false_and_true_switch_a_callback(tmp_path, switch):
    path = write(tmp_path / "a.yaml", "callbacks:\n  early_stopping: {patience: 5}\n")
    typed = load_config([path], [f"callbacks.early_stopping={switch}"])
    path = write(tmp_path / "b.yaml", f"callbacks:\n  early_stopping: {switch}\n")
    wanted = {"early_stopping": {"false": None, "true": {}}[switch]}
    assert typed.callbacks == load_config([path]).callbacks == wanted


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("data: {batch_size: 1}".encode("utf-16"), r"my.yaml:1: this is not text in UTF-8"),
        (b"seed: 1\nrun_dir: caf\xe9\n", r"my.yaml:2: this is not text in UTF-8"),
        (b"\x89PNG\r\n\x1a\n\0", r"my.yaml:1: this is not text in UTF-8"),
        (b"- 1\n", r"must contain `key: value` lines"),
    ],
)
def test_files_that_are_not_utf8_settings_are_rejected(tmp_path, content, words):
    (tmp_path / "my.yaml").write_bytes(content)
    with pytest.raises(ConfigError, match=words):
        load_config([str(tmp_path / "my.yaml")])


@pytest.mark.parametrize("content", [b"", b"# nothing\n", b"\xef\xbb\xbfseed: 0\r\n"])
def test_files_that_are_empty_or_from_windows_are_accepted(tmp_path, content):
    (tmp_path / "my.yaml").write_bytes(content)
    assert load_config([str(tmp_path / "my.yaml")]) == RunConfig()


@pytest.mark.parametrize("source", [".", "a\0b", "x" * 5000, "/dev/zero"])
def test_unreadable_sources_are_rejected(source):
    with pytest.raises(ConfigError, match=r"readable YAML file|not valid YAML|at most"):
        load_config([source])


def test_excessively_nested_key_is_rejected():
    with pytest.raises(ConfigError, match="command line: a setting must be"):
        load_config([], [f"{'a.' * 5000}b=1"])


def test_every_error_line_names_the_source_of_its_setting(tmp_path):
    path = write(
        tmp_path / "a.yaml",
        "callbacks:\n  early_stopping:\n    patience: 0\n  nonsense: {}\n",
    )
    with pytest.raises(ConfigError) as caught:
        load_config([path], ["callbacks.early_stopping.mode=up", "data.fold=3"])
    lines = [line.partition(": `")[0] for line in str(caught.value).splitlines()]
    assert lines == ["command line", f"{path}:3", "command line", f"{path}:4"]


@pytest.mark.parametrize(
    ("override", "read"),
    [
        ("optimizer.learning_rate=1e-3", lambda c: c.optimizer.learning_rate == 0.001),
        ("data.train=2020", lambda c: c.data.train == "2020"),
        ("data.train=a: b", lambda c: c.data.train == "a: b"),
        ("data.train=x=y", lambda c: c.data.train == "x=y"),
        ("model.weights=null", lambda c: c.model.weights is None),
        ("trainer.deterministic=true", lambda c: c.trainer.deterministic is True),
        ("trainer.devices=2", lambda c: c.trainer.devices == 2),
        ("trainer.devices=auto", lambda c: c.trainer.devices == "auto"),
        ("trainer.limit_train_batches=0.5", lambda c: c.trainer.limit_train_batches == 0.5),
        ("optimizer.momentum=0.9", None),
    ],
)
def test_settings_are_parsed_according_to_their_declared_type(override, read):
    extra = [] if read else ["optimizer.name=sgd"]
    config = load_config(["classify"], [*extra, override])
    assert read is None or read(config)


@pytest.mark.parametrize(
    ("override", "words"),
    [
        (
            "trainer.max_epohs=3",
            r"`trainer.max_epohs` is not a setting.*=3. Did you mean max_epochs",
        ),
        ("trainr.max_epochs=3", r"`trainr` is not a setting.*Did you mean trainer"),
        ("data.batch_size=0", r"`data.batch_size` must be at least 1.*data.batch_size=0"),
        ("data.batch_size=many", r"`data.batch_size` must be a whole number.*='many'"),
        ("trainer.deterministic=yes", r"must be true or false.*='yes'"),
        ("data.on_leak=dorp", r"one of error, drop, keep.*='dorp'. Did you mean drop"),
        ("model.backbone=Resnet50", r"Did you mean ResNet50"),
        ("optimizer.name=sdg", r"Did you mean sgd"),
        ("optimizer.momentm=0.9", r"adam has no option `momentm`"),
        ("trainer.devices=0", r"`trainer.devices` must be .*at least 1.*=0"),
        (
            "callbacks.early_stoping={}",
            r"`callbacks.early_stoping` is not a callback. Did you mean early_stopping",
        ),
        (
            "callbacks.early_stopping.patience=-1",
            r"`callbacks.early_stopping.patience` must be at least 1",
        ),
        ("callbacks.early_stopping.patence=1", r"Did you mean patience"),
        ("model.builder=nonsense", r"`model.builder` must be of the form"),
        ("search.max_time=1:30", r"`search.max_time` must be of the form DD:HH:MM:SS\."),
        ("trainer.max_time=90", r"`trainer.max_time` must be of the form DD:HH:MM:SS\."),
        ("=3", r"must be written as key=value"),
        ("seed=-1", r"`seed` must be at least 0"),
        (
            "callbacks.backbone_finetuning={stages: []}",
            r"`callbacks.backbone_finetuning.stages` must be .* a list of at least 1",
        ),
    ],
)
def test_invalid_settings_are_named_with_valid_alternatives(override, words):
    with pytest.raises(ConfigError, match=words):
        load_config(["classify"], [override])


def test_all_errors_are_reported_at_once_with_file_and_line(tmp_path):
    path = write(
        tmp_path / "my.yaml", "seed: 1\ntrainer:\n  max_epochs: none\n  strtegy: auto\n"
    )
    with pytest.raises(ConfigError) as caught:
        load_config([path], ["data.batch_size=0"])
    lines = str(caught.value).splitlines()
    assert len(lines) == 3
    assert f"{path}:3: `trainer.max_epochs`" in lines[1]
    assert f"{path}:4: `trainer.strtegy`" in lines[2]
    assert lines[0].startswith("command line: `data.batch_size`")


BUILDER = {"builder": "my.module:build"}


@pytest.mark.parametrize(
    ("layers", "typed", "model"),
    [
        ([], ["model.builder=my.module:build"], BUILDER),
        ([BUILDER], [], BUILDER),
        ([BUILDER | {"arguments": {"a": 1}}], ["model.builder=my:b"], {"builder": "my:b"}),
        ([BUILDER], ["model.backbone=ResNet101"], {"backbone": "ResNet101"}),
        ([BUILDER], ["model.builder=null"], {"builder": None}),
        ([BUILDER, {"backbone": "ResNet101"}], [], {"backbone": "ResNet101"}),
    ],
)
def test_later_layer_replaces_backbone_or_builder(tmp_path, layers, typed, model):
    files = [
        write(tmp_path / f"{place}.yaml", write_yaml({"model": layer}))
        for place, layer in enumerate(layers)
    ]
    config = load_config(["classify", *files], typed)
    assert config.model.model_dump().items() >= model.items()
    assert load_config([write(tmp_path / "all.yaml", to_yaml(config))]) == config


@pytest.mark.parametrize(
    ("layer", "typed"),
    [
        (BUILDER | {"backbone": "ResNet50"}, []),
        (BUILDER, ["model.dropout=0.5"]),
        ({}, ["model.builder=my:b", "model.dropout=0.5"]),
        ({}, ["model.backbone=ResNet50", "model.builder=my:b"]),
    ],
)
def test_builder_and_backbone_in_one_layer_are_mutually_exclusive(tmp_path, layer, typed):
    file = write(tmp_path / "own.yaml", write_yaml({"model": layer}))
    with pytest.raises(ConfigError, match=r"`builder` and .* can't be set together"):
        load_config(["classify", file], typed)


@pytest.mark.parametrize(
    "typed",
    [
        ["model.arguments={a: 1, b: [x, 2.5]}"],
        ["model.arguments.a=1", "model.arguments.b=[x, 2.5]"],
        ["model.arguments={a: 1}", "model.arguments.b=[x, 2.5]"],
    ],
)
def test_builder_arguments_are_parsed_as_yaml(typed):
    config = load_config(["classify"], ["model.builder=my:build", *typed])
    assert config.model.arguments == {"a": 1, "b": ["x", 2.5]}


def test_group_of_callbacks_is_parsed_as_yaml():
    config = load_config(["classify"], ["callbacks={early_stopping: {patience: 7}}"])
    assert config.callbacks == {"early_stopping": {"monitor": "val_loss", "patience": 7}}


def test_unknown_source_lists_the_recipes():
    with pytest.raises(ConfigError, match=r"quikstart'. Did you mean quickstart.*classify"):
        load_config(["quikstart"])


@pytest.mark.parametrize("name", recipes())
def test_every_recipe_survives_a_yaml_round_trip(name, tmp_path):
    config = load_config([name])
    path = write(tmp_path / "copy.yaml", to_yaml(config))
    assert load_config([path]) == config


def test_skin_lesion_recipe_has_the_settings_of_the_tutorial():
    config = load_config(["skin_lesion"])
    assert (config.data.image_size, config.data.batch_size) == (224, 32)
    assert config.data.validation_split == 0.2
    assert (config.model.backbone, config.model.weights) == ("ResNet50", "imagenet")
    assert (config.model.dropout, config.optimizer.name) == (0.2, "adam")
    assert config.trainer.max_epochs == 10


def test_every_recipe_states_its_command_and_expected_score():
    for recipe in recipes().values():
        is_search = load_config([recipe.name]).search.space is not None
        command = "search" if is_search else "fit"
        assert f"keraunos {command} {recipe.name}" in recipe.summary
        comment = recipe.text.partition("\ndata:")[0]
        assert "# Expected balanced accuracy on test images" in comment


def test_zero_is_a_valid_seed():
    assert load_config(["classify"], ["seed=0"]).seed == 0


def test_default_configuration_is_written_as_yaml():
    assert yaml.safe_load(to_yaml(RunConfig()))["trainer"]["max_epochs"] == 10


@pytest.mark.parametrize(
    "setting", ["model.dropout", "optimizer.learning_rate", "optimizer.clipnorm"]
)
@pytest.mark.parametrize("value", [".inf", "-.inf", ".nan"])
def test_non_finite_numbers_are_rejected(setting, value):
    with pytest.raises(ConfigError, match=f"command line: `{setting}` must be .*number"):
        load_config([], [f"{setting}={value}"])


def test_non_finite_callback_options_are_rejected():
    with pytest.raises(ConfigError, match=r"early_stopping\.min_delta` must be .*finite"):
        load_config([], ["callbacks.early_stopping.min_delta=.inf"])


def test_search_domain_replaces_one_of_another_kind(tmp_path):
    own = tmp_path / "own.yaml"
    own.write_text(
        "search:\n  space:\n"
        "    model.dropout: {choice: [0.1, 0.2]}\n"
        "    optimizer.learning_rate: {choice: [0.001, 0.01]}\n"
        "    model.focal_gamma: {choice: [1.0, 2.0]}\n"
    )
    space = load_config(["wide_search", str(own)], ["data.train=images"]).search.space
    assert space["model.dropout"] == {"choice": [0.1, 0.2]}
    assert space["optimizer.learning_rate"] == {"choice": [0.001, 0.01]}  # and no log
    gamma = {"choice": [1.0, 2.0], "when": {"model.loss": "focal"}}
    assert space["model.focal_gamma"] == gamma
    assert "callbacks.backbone_finetuning.stages" in space


def test_cross_setting_error_names_its_line(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text("model:\n  loss: class_balanced\ndata:\n  class_balance: weights\n")
    with pytest.raises(ConfigError, match=r"mine\.yaml:4: Class imbalance must be"):
        load_config([str(file)])


@pytest.mark.parametrize("label", ["backbone_finetuning", "learning_rate_finder"])
def test_fitted_head_rejects_callbacks_that_change_training(label):
    settings = ["model.head=ridge", f"callbacks.{label}={{}}"]
    with pytest.raises(ConfigError, match=rf"line: `callbacks\.{label}` needs a trained"):
        load_config(["classify"], settings)
