"""`keraunos init`: a configuration to start from, equal to its recipe."""

import pytest
from keraunos.configs import load_config


@pytest.fixture
def images(tmp_path):
    for name in ("cat/1.jpg", "cat/2.png", "dog/3.jpg"):
        file = tmp_path / "pets" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    return tmp_path / "pets"


@pytest.mark.parametrize("recipe", ["wide_search", "quickstart"])
def test_written_configuration_equals_the_recipe_and_has_comments(
    keraunos, tmp_path, recipe
):
    answer = keraunos("init", "new.yaml", "--recipe", recipe)
    assert answer.code == 0
    written = load_config([str(tmp_path / "new.yaml")], ["data.train=x"])
    assert written == load_config([recipe], ["data.train=x"])
    assert "  # Learning rate; with a schedule, its maximum." in (
        (tmp_path / "new.yaml").read_text().splitlines()
    )


def test_commented_out_lines_are_valid_settings(keraunos, tmp_path):
    keraunos("init", "new.yaml")
    text = (tmp_path / "new.yaml").read_text()
    for line in ("# devices: 2", "# class_balance: sampling", "# test: FOLDER"):
        assert f"  {line}\n" in text
        text = text.replace(line, line[2:])
    text = text.replace("# evaluation:", "evaluation:").replace("  # tta: 8", "  tta: 8")
    (tmp_path / "all.yaml").write_text(text)
    config = load_config([str(tmp_path / "all.yaml")])
    assert (config.trainer.devices, config.evaluation.tta) == (2, 8)


def test_image_folder_is_inspected_and_set_as_training_data(keraunos, images, tmp_path):
    answer = keraunos("init", "pets.yaml", "--data", "pets")
    assert answer.out.splitlines()[-1] == "next: keraunos fit pets.yaml"
    assert answer.err == "3 images in 2 classes: cat (2), dog (1)\n"
    assert load_config([str(tmp_path / "pets.yaml")]).data.train == str(images)
    assert "# 3 images in 2 classes: cat (2), dog (1)\n" in (
        (tmp_path / "pets.yaml").read_text()
    )


def test_split_folders_are_recognized(keraunos, images, tmp_path):
    for split in ("train", "val"):
        (tmp_path / "all").mkdir(exist_ok=True)
        (tmp_path / "all" / split).symlink_to(images)
    answer = keraunos("init", "--data", "all")
    assert answer.err.splitlines() == [
        f"{split}: 3 images in 2 classes: cat (2), dog (1)"
        for split in ("train", "validation")
    ]


def test_images_without_classes_show_the_expected_layout(keraunos, images):
    answer = keraunos("init", "--data", images / "cat")
    assert answer.code == 0
    assert "Expected one folder of images per class:" in answer.err
    assert answer.out.splitlines()[-1] == (
        "next: keraunos fit keraunos.yaml data.train=FOLDER"
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["there.yaml"], "never replaces a file"),
        (["link.yaml"], "never replaces a file"),
        (["no/such/folder.yaml"], "must be writable"),
        (["new.yaml", "--recipe", "clasify"], "Did you mean classify?"),
        (["new.yaml", "--data", "nowhere"], "`--data` must exist"),
    ],
)
def test_invalid_arguments_exit_with_code_2_and_change_nothing(
    keraunos, tmp_path, arguments, words
):
    (tmp_path / "there.yaml").write_text("mine")
    (tmp_path / "link.yaml").symlink_to("nowhere.yaml")
    answer = keraunos("init", *arguments)
    assert answer.code == 2
    assert words in answer.err
    assert (tmp_path / "there.yaml").read_text() == "mine"
    assert {each.name for each in tmp_path.iterdir()} == {"there.yaml", "link.yaml"}
