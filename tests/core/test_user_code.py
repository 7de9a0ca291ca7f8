import sys

import pytest
from keraunos.core.errors import ConfigError
from keraunos.core.user_code import arguments_of, import_function, import_modules

OFFERED = {"num_classes": 3, "image_size": 32, "class_names": ("a", "b", "c")}


def build(num_classes, units, *, image_size=64, depth=1):
    return num_classes, units, image_size, depth


def build_any(units, **others):
    return units, others


@pytest.mark.parametrize(
    ("builder", "given", "arguments"),
    [
        (build, {"units": 8}, {"num_classes": 3, "image_size": 32, "units": 8}),
        (build, {"units": 8, "num_classes": 5, "image_size": 16}, {"num_classes": 5}),
        (build_any, {"units": 8, "more": 1}, {"units": 8, "more": 1}),
        (dict, {"units": 8}, {"units": 8}),
    ],
)
def test_builder_receives_the_arguments_it_names(builder, given, arguments):
    found = arguments_of("own:build", builder, given, OFFERED)
    assert found.items() >= (given | arguments).items()
    assert builder is not build_any or "num_classes" not in found


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "own:build requires `units`.*Received: model.arguments={}.*arguments.units="),
        ({"units": 8, "dept": 2}, "has no argument `dept`.*Did you mean depth?"),
        ({"unit": 8}, "no argument `unit` and requires `units`.*mean units.*Add model.arg"),
    ],
)
def test_missing_or_unknown_arguments_are_rejected(given, words):
    with pytest.raises(ConfigError, match=words):
        arguments_of("own:build", build, given, OFFERED)


def test_builder_in_the_current_folder_is_found_without_changing_sys_path(
    tmp_path, monkeypatch
):
    (tmp_path / "only_here.py").write_text("def build():\n    return 1\n")
    monkeypatch.chdir(tmp_path)
    before = list(sys.path)
    assert import_function("only_here:build", "model.builder")() == 1
    assert sys.path == before
    monkeypatch.delitem(sys.modules, "only_here")


@pytest.mark.parametrize("name", ["no_such_module:build", "json:no_such_name"])
def test_unimportable_builder_is_rejected(name):
    with pytest.raises(ConfigError, match=f"`model.builder` must name.*{name}.*PYTHONPATH"):
        import_function(name, "model.builder")


def test_import_modules_finds_local_modules_and_ignores_failures(tmp_path, monkeypatch):
    (tmp_path / "own_part_of_mine.py").write_text("Part = dict")
    (tmp_path / "broken_part_of_mine.py").write_text("raise OSError")
    monkeypatch.chdir(tmp_path)
    before = list(sys.path)
    import_modules(["broken_part_of_mine:Part", "own_part_of_mine:Part", "absent_part:A"])
    assert sys.modules.pop("own_part_of_mine").Part is dict
    assert sys.path == before
