"""A folder with everything that the commands and programs of the documents name."""

import csv
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from helpers import make_images, smooth_image
from keraunos.configs import load_config, to_yaml
from programs import Program, type_keraunos
from small_backbone import shrink_networks

# Inserted after the recipe of a command, before the settings that follow it.
SETTINGS = """
data: {image_size: 32, batch_size: 8, validation_split: 0.3}
model: {weights: null}
trainer: {max_epochs: 1}
search: {max_trials: 2}
callbacks: {tensorboard: null}
"""
CLASSES = {"basal cell carcinoma": 9, "melanoma": 10, "nevus": 11}
_FOLDERS = (
    "FOLDER",
    "IMAGE_OR_FOLDER",
    "images/test",
    "images/train",
    "isic9/Test",
    "isic9/Train",
    "lesions",
    "photographs",
    "photos",
)
_RUNS = ("a-001", "b-001", "classify-002", "first", "skin-001", "skin-002", "skin-003")
_IN_IMAGES = "images/train/nevus"
_FINDINGS = ((2, "hair"), (3, "ink"), (5, "ruler"))
_ISIC_2019 = ("MEL", "NV", "BCC", "AK", "BKL", "DF", "VASC", "SCC")


def make_workspace(folder: Path) -> Path:
    """Makes the folder: images, tables, configurations, runs, folds and a search."""
    for seed, name in enumerate(_FOLDERS):
        make_images(folder / name, CLASSES, seed=seed)
    _make_tables(folder)
    _make_reviews(folder / "reviews")
    smooth_image(200).save(folder / "lesion.jpg")
    smooth_image(201).save(folder / "photographs" / "other.jpg")
    smooth_image(202).save(folder / "another.png")
    shutil.copy(folder / "another.png", folder / "IMAGE")
    (folder / "inbox").mkdir()
    (folder / "token.txt").write_text("a-token-of-sixteen-characters")
    (folder / "small.yaml").write_text(SETTINGS)
    settings = ("data.train=FOLDER", "data.image_size=32", "model.weights=null")
    for name in ("mine.yaml", "config.yaml", "best.yaml"):
        (folder / name).write_text(to_yaml(load_config(["classify"], settings)))
    _make_runs(folder)
    return folder


def make_folders_of_readme(folder: Path) -> None:
    """The folders that the README's programs read."""
    make_images(folder / "isic9/Train", {"melanoma": 7, "nevus": 9}, seed=0)
    make_images(folder / "isic9/Test", {"melanoma": 3, "nevus": 2}, seed=1)
    _make_reviews(folder / "reviews")


def _make_reviews(folder: Path) -> None:
    for word in ("bad", "good"):
        (folder / word).mkdir(parents=True)
        for number in range(40):
            file = folder / word / f"{number}.txt"
            file.write_text(f"A {word} film, my number {number}.")


def _make_tables(folder: Path) -> None:
    of_2019 = folder / "ISIC_2019_Training_Input"
    of_2019.mkdir()
    numbered = [(number, f"ISIC_{number:04d}") for number in range(40)]
    for number, name in numbered:
        smooth_image(number).save(folder / _IN_IMAGES / f"{name}.jpg")
        smooth_image(100 + number).save(of_2019 / f"{name}_2019.jpg")
    ham10000 = [
        {"image_id": name, "dx": _diagnosis(n), "lesion_id": n // 2} for n, name in numbered
    ]
    isic_2019 = [
        {
            "image": f"{name}_2019",
            **{each: float(_ISIC_2019[n % 8] == each) for each in _ISIC_2019},
        }
        for n, name in numbered
    ]
    of_patients = [
        {
            "image": f"{name}_2019",
            "age_approx": 30 + n if n % 9 else "",
            "anatom_site_general": ("anterior torso", "head/neck", "")[n % 3],
            "lesion_id": f"ISIC_L{n // 2}",
            "sex": ("male", "female")[n % 2],
        }
        for n, name in numbered
    ]
    photos = [
        {
            "image": path.relative_to(folder / "photos"),
            "age": 30 + n % 50,
            "sex": "mf"[n % 2],
        }
        for n, path in enumerate(sorted((folder / "photos").rglob("*.*")))
    ]
    findings = [
        {"image": name, **{label: int(n % k == 0) for k, label in _FINDINGS}}
        for n, name in numbered
    ]
    patients = [_patient(n, name) for n, name in numbered]
    _write(folder / "HAM10000_metadata.csv", ham10000)
    _write(folder / "ISIC_2019_Training_GroundTruth.csv", isic_2019)
    _write(folder / "ISIC_2019_Training_Metadata.csv", of_patients)
    _write(folder / "findings.csv", findings)
    _write(folder / "photos.csv", photos)
    _write(folder / "new.csv", patients[:3])
    _write(folder / "patients.csv", patients)
    _write(folder / "slices.csv", [_slice(n, file) for n, file in _classified(folder)])


def _classified(folder: Path) -> Iterator[tuple[int, Path]]:
    files = sorted((folder / "FOLDER").rglob("*.png"))
    return enumerate(file.relative_to(folder) for file in files)


def _slice(number: int, file: Path) -> dict[str, object]:
    columns = {"age": 30 + number, "sex": ("male", "female")[number % 2]}
    return {"image": file, "label": file.parent.name, **columns}


def _diagnosis(number: int) -> str:
    return "nv" if number % 3 else "mel"


def _patient(number: int, name: str) -> dict[str, object]:
    return {
        "image": name,
        "label": _diagnosis(number),
        "patient": number // 2,
        "age": 30 + number,
        "sex": ("male", "female")[number % 2],
        "site": ("back", "arm", "leg")[number % 3],
    }


def _write(file: Path, rows: Sequence[Mapping[str, object]]) -> None:
    with file.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def _make_runs(folder: Path) -> None:
    """A run, a cross-validation and a search, and copies under the names in use."""
    runs = folder / "runs"
    common = ("classify", "small.yaml", "data.train=FOLDER")
    tested = ("fit", *common, "data.test_split=0.2")
    _keraunos(folder, *tested, "run_dir=runs/classify-001")
    for name in _RUNS:
        shutil.copytree(runs / "classify-001", runs / name)
    _keraunos(folder, *tested, "data.folds=2", "run_dir=runs/skin_lesion-001")
    over_folds = ("search.folds=2", "search.tuner=random")
    _keraunos(folder, "search", *common, *over_folds, "run_dir=runs/wide")
    shutil.copytree(runs / "wide", runs / "classify-search-001")
    best = next(runs.glob("wide/trial-*/fold-1/model.keras")).parents[1]
    shutil.copytree(best, runs / "wide" / "trial-007")


def _keraunos(folder: Path, *words: str) -> None:
    log = folder / "prepared.log"
    program = Program(_type, [*words], str(folder), dict(os.environ), output=log)
    assert program.end() == 0, log.read_text()


def _type(words: list[str], cwd: str, environment: dict[str, str]) -> int:
    shrink_networks()
    return type_keraunos(words, cwd, None, environment)
