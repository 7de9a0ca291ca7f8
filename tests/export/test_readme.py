from dataclasses import replace
from pathlib import Path

from checked_exports import DESCRIPTION, onnx_format
from keraunos.core.table_features import NumberColumn, TableFeatures
from keraunos.export.description import Description
from keraunos.export.readme import write_readme


def written(folder: Path, description: Description) -> str:
    write_readme(folder, onnx_format(), description)
    return (folder / "README.md").read_text()


def test_readme_describes_the_model_and_its_use(tmp_path: Path) -> None:
    limits = {"not_for": ["Images of anything else."], "decisions": {"warnings": ["Few."]}}
    text = written(tmp_path, replace(DESCRIPTION, license="mit", **limits))
    assert text.startswith("# run-1\n\nA model that predicts the class of an image, ")
    for words in (
        "- Classes: bird, cat, dog\n",
        "resized to 32 x 32 pixels",
        "python predict.py FOLDER --output predictions.csv\n",
        "## Not for\n\n- Images of anything else.\n\n## Warnings\n\n- Few.\n",
        "## License\n\nmit. Weights",
    ):
        assert words in text


def test_readme_covers_other_tasks_tables_and_unusual_names(tmp_path: Path) -> None:
    description = Description(
        "a\nb",
        [f"label {number}" for number in range(60)],
        64,
        task="multi_label",
        columns=TableFeatures((NumberColumn("age", 40.0, 10.0),)),
    )
    text = written(tmp_path, description)
    assert text.startswith("# a\\nb\n")
    assert "label 49 and 10 more\n" in text
    assert "python predict.py TABLE.csv --image-root FOLDER --output" in text
    assert "next to each image: age\n" in text
    assert "- Any use: it was not evaluated" in text
    assert "Not stated." in text
