"""Damages every file of a run, a search and the cache, and counts the outcomes.

A tiny run is trained once, with its own cache. Then each of its files is damaged in five
ways, each in a fresh copy, and each command is run on it:

- empty: the file is truncated to 0 bytes; half: the second half is missing; flip: one bit
  is flipped (in text, one bit of every eighth digit, which remains a digit); delete: the
  file is removed; directory: the file is replaced by a directory.
- resume: one more epoch; test, predict, compare and audit; for searches and folds, the same
  command again.

The outcome is compared with that of the same command on an undamaged copy:

- refused: an error message of Keraunos and its exit code; unaffected: the same result;
  mended: the same result, and a line that reports the damage; reported: a different result,
  and a line that explains it; not read: the command does not open the file.
- WRONG: a different result with exit code 0 and no message; TRACEBACK: an unhandled error.

Commands run in processes forked from one that has imported everything.

Usage: python benchmarks/damage_campaign.py [--files 'cache/*'] [--commands test,compare]
           [--damages flip] [--subjects run] [--jobs 2] [--verbose]
"""

import argparse
import fnmatch
import importlib
import json
import os
import re
import shutil
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")  # models are tiny
os.environ.setdefault("TF_NUM_INTEROP_THREADS", "1")

import keras
import numpy as np
from keraunos.cli.main import main as keraunos_main
from PIL import Image
from safetensors.numpy import load_file

SIZE = 32
CLASSES = {"cat": 9, "dog": 7, "emu": 6}
TEST_CLASSES = {"cat": 4, "dog": 3, "emu": 3}
DATA, RUN, CACHE = "data", "run", "cache"
# Values that differ between two runs of the same command anyway.
TIMES = ("seconds", "images_per_second", "data_wait_seconds")
BAD = ("WRONG", "TRACEBACK")
# Modules that commands import late, imported in advance for all processes.
IMPORTED = ("cli.build", "cli.folds", "cli.saved_model", "search.search", "data.audit.html")


def empty(file: Path) -> None:
    """Truncates a file to 0 bytes."""
    file.write_bytes(b"")


def half(file: Path) -> None:
    """Truncates a file to its first half."""
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])


def flip(file: Path) -> None:
    """Flips one bit in the middle; in text, one bit of every eighth digit."""
    content = bytearray(file.read_bytes())
    is_text = file.suffix in (".json", ".jsonl", ".yaml", ".csv", ".txt")
    places = [n for n, byte in enumerate(content) if is_text and chr(byte) in "23456789"]
    for place in places[::8] or [len(content) // 2][: len(content)]:
        content[place] ^= 1
    file.write_bytes(content)


def delete(file: Path) -> None:
    """Removes a file."""
    file.unlink()


def directory(file: Path) -> None:
    """Replaces a file by a directory."""
    file.unlink()
    file.mkdir()


DAMAGES: dict[str, Callable[[Path], None]] = {
    each.__name__: each for each in (empty, half, flip, delete, directory)
}


@dataclass(frozen=True)
class Done:
    """The outcome of a command.

    Attributes:
        code: The exit code, or minus the number of a signal.
        said: The lines of standard error.
        result: Its standard output and the content of written files.
        opened: The files that were read or replaced.
        seconds: Duration.
    """

    code: int
    said: list[str]
    result: dict[str, Any]
    opened: set[str]
    seconds: float


class State(NamedTuple):
    """Properties of a file that change when it is read or replaced."""

    inode: int
    changed_ns: int
    read_ns: int


@dataclass(frozen=True)
class Subject:
    """A directory to damage.

    Attributes:
        make: The commands that create it, in order.
        commands: Arguments of the command line by name.
        files: Patterns of the files to damage.
    """

    make: tuple[tuple[str, ...], ...]
    commands: dict[str, tuple[str, ...]]
    files: tuple[str, ...] = ("*",)


SETTINGS = (
    "classify",
    "data.train=../data/train",
    "data.test=../data/test",
    f"data.image_size={SIZE}",
    "data.batch_size=5",
    "data.check=full",
    "data.on_unreadable=drop",
    "model.backbone=MobileNetV3Small",
    "model.weights=null",
    "augmentation.views=2",
    "feature_cache=on",
    "trainer.accelerator=cpu",
    "trainer.devices=1",
    "trainer.deterministic=true",
    "trainer.max_epochs=2",
)
SEARCH = (
    "search",
    *SETTINGS,
    "run_dir=run",
    "search.tuner=random",
    "search.max_trials=2",
    "search.space.model.dropout={float: [0.0, 0.5]}",
)
FOLDS = ("fit", *SETTINGS, "run_dir=run", "data.folds=2")
SUBJECTS = {
    "run": Subject(
        (("fit", *SETTINGS, "run_dir=run"), ("audit", "../data/train", "../data/test")),
        {
            "resume": ("fit", "--resume", RUN, "trainer.max_epochs=3"),
            "test": ("test", RUN),
            "predict": ("predict", RUN, "../data/test"),
            "compare": ("compare", RUN, "--csv", "compared.csv"),
            "audit": ("audit", "../data/train", "../data/test", "--json", "found.json"),
        },
    ),
    "search": Subject(
        (SEARCH,),
        {"resume": (*SEARCH, "search.max_trials=3"), "compare": ("compare", RUN)},
        ("run/*.*", "run/trial-*/*.*", "run/trial-*/checkpoints/*.txt"),
    ),
    "folds": Subject(
        (FOLDS,),
        {"resume": FOLDS, "compare": ("compare", RUN)},
        ("run/*.*", "run/fold-1/*.*", "run/fold-1/checkpoints/*.txt"),
    ),
}


def main() -> None:
    """Runs the campaign; prints a table and a line of JSON."""
    options = parse()
    keras.applications.MobileNetV3Small = tiny_backbone
    for module in IMPORTED:
        importlib.import_module(f"keraunos.{module}")
    cells = []
    with tempfile.TemporaryDirectory(prefix="damage-") as name:
        for subject in options.subjects.split(","):
            draw_data(Path(name) / subject / DATA)
            cells += campaign(Path(name) / subject, subject, options)
    report(cells, options)


def parse() -> argparse.Namespace:
    """Parses the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--subjects", default=",".join(SUBJECTS))
    parser.add_argument("--files", default="*", help="pattern of the files to damage")
    parser.add_argument("--damages", default=",".join(DAMAGES))
    parser.add_argument("--commands", default="", help="commands of each subject to run")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--verbose", action="store_true", help="show every cell")
    return parser.parse_args()


def campaign(folder: Path, name: str, options: argparse.Namespace) -> list[dict[str, Any]]:
    """Creates a subject, and damages it in every way."""
    subject, whole = SUBJECTS[name], folder / "whole"
    whole.mkdir(parents=True)
    for arguments in subject.make:
        done = give(whole, arguments)
        if done.code not in (0, 3):  # 3: an audit finds something
            raise RuntimeError(f"The subject can't be created: {done.said}")
    wanted = [each for each in options.commands.split(",") if each]
    expected = {
        command: undamaged(whole, arguments)
        for command, arguments in subject.commands.items()
        if not wanted or command in wanted
    }
    plan = [
        (file, damage, command)
        for file in without_like_locks(sorted(file_states(whole)))
        if any(fnmatch.fnmatch(file, pattern) for pattern in subject.files)
        and fnmatch.fnmatch(file, options.files)
        for damage in options.damages.split(",")
        for command in expected
    ]

    def try_cell(cell: tuple[str, str, str]) -> dict[str, Any]:
        file, damage, command = cell
        # Deletions and directories are noticed without opening the file.
        if damage in ("empty", "half", "flip") and file not in expected[command].opened:
            outcome, words = "not read", ""
        else:
            outcome, words = one_cell(
                whole, file, damage, subject.commands[command], expected[command]
            )
        if options.verbose or outcome in BAD:
            print(f"{outcome:10} {name} {command:8} {damage:9} {file}: {words}", flush=True)
        return {
            "subject": name,
            "file": file,
            "damage": damage,
            "command": command,
            "outcome": outcome,
        }

    with ThreadPoolExecutor(options.jobs) as pool:
        return list(pool.map(try_cell, plan))


def without_like_locks(files: list[str]) -> list[str]:
    """Keeps one lock file of each kind per folder, because all are empty and used alike."""
    kinds: dict[str, str] = {}
    for file in files:
        kind = re.sub(r"[0-9a-f]{64}", "", file) if file.endswith(".lock") else file
        kinds.setdefault(kind, file)
    return list(kinds.values())


def undamaged(whole: Path, arguments: tuple[str, ...]) -> Done:
    """Runs a command on an undamaged copy."""
    folder = copy_of(whole)
    age(folder)
    done = give(folder, arguments)
    if done.code not in (0, 3):
        raise RuntimeError(f"{arguments} must work: {done.said}")
    shutil.rmtree(folder)
    return done


def one_cell(
    whole: Path, file: str, damage: str, arguments: tuple[str, ...], expected: Done
) -> tuple[str, str]:
    """Damages a file in a fresh copy, runs a command, and classifies the outcome."""
    folder = copy_of(whole)
    try:
        DAMAGES[damage](folder / file)
        done = give(folder, arguments)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return judge(done, expected)


def judge(done: Done, expected: Done) -> tuple[str, str]:
    """Returns the outcome of a command on damaged files, and what it reported."""
    new = [line for line in done.said if line not in expected.said]
    words = " | ".join(new)
    if any(line.startswith("Traceback") for line in done.said) or done.code < 0:
        return "TRACEBACK", " | ".join(done.said[-3:])
    if done.code not in (0, expected.code):
        return f"refused {done.code}", words
    if done.code == expected.code and is_same(done.result, expected.result):
        return ("mended" if new else "unaffected"), words
    return ("reported" if new else "WRONG"), words or difference(done, expected)


def is_same(result: dict[str, Any], expected: dict[str, Any]) -> bool:
    """Returns whether the result contains everything that is expected."""
    return all(result.get(name) == value for name, value in expected.items())


def difference(done: Done, expected: Done) -> str:
    """Describes how a result differs from the expected one."""
    names = [k for k, value in expected.result.items() if done.result.get(k) != value]
    lines = set(done.result["shown"].splitlines()) - set(
        expected.result["shown"].splitlines()
    )
    return f"exit code {done.code}, other {', '.join(names)} {sorted(lines)[:3]}"


def give(folder: Path, arguments: tuple[str, ...]) -> Done:
    """Runs a command in its own process."""
    logs = folder / "out.log", folder / "err.log"
    before, started = file_states(folder), time.monotonic()
    child = os.fork()
    if child == 0:
        run_child(folder, arguments, *logs)
    _, status = os.waitpid(child, 0)
    seconds, after = time.monotonic() - started, file_states(folder)
    shown, said = (log.read_text(errors="replace") for log in logs)
    return Done(
        os.waitstatus_to_exitcode(status),
        plain(said, folder).splitlines(),
        {"shown": plain(shown, folder)}
        | {
            name: read_result(folder / name)
            for name in after
            if is_written(name, before, after)
        },
        {name for name, state in before.items() if after.get(name) != state},
        seconds,
    )


def run_child(folder: Path, arguments: tuple[str, ...], out: Path, err: Path) -> None:
    """Runs a command and exits, with output redirected to files."""
    for path, descriptor in ((out, 1), (err, 2)):
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(file, descriptor)
    sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", closefd=False)  # noqa: SIM115
    os.environ["KERAUNOS_CACHE_DIR"] = str(folder / CACHE)
    os.environ["COLUMNS"] = "200"
    os.chdir(folder)
    data = str(folder.parent / DATA)  # the same for all copies
    arguments = tuple(each.replace("../data", data) for each in arguments)
    code = 1
    try:
        code = keraunos_main(arguments)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def plain(text: str, folder: Path) -> str:
    """Removes text that differs from copy to copy."""
    text = text.replace(str(folder), "FOLDER").replace(os.path.basename(folder), "FOLDER")
    text = re.sub(r"(process|pid) \d+", "process", text)
    return without_times(text)


def read_result(path: Path) -> Any:
    """Returns content that must be the same for each run of a command; otherwise None."""
    if path.name in ("metrics.jsonl", "validations.jsonl"):
        lines = path.read_text(errors="replace").splitlines()
        return [without_times(line) for line in lines]
    if path.name in ("test.json", "found.json", "validation.json", "folds.json"):
        return without_times(path.read_text(errors="replace"))
    if path.suffix == ".csv" and path.name not in ("compared.csv", "results.csv"):
        return path.read_text(errors="replace")
    if path.suffix == ".safetensors":
        return weights_of(path)
    if path.name in ("classes.txt", "best.txt", "last.txt"):
        return path.read_text(errors="replace")
    return None


def weights_of(path: Path) -> Any:
    """Returns the bytes of every array of a file."""
    try:
        return {name: array.tobytes() for name, array in load_file(path).items()}
    except Exception as error:  # the file is damaged
        return str(error)


def without_times(text: str) -> str:
    """Removes durations in JSON and in tables."""
    text = re.sub(rf'("?({"|".join(TIMES)})"?[=:] ?)[^,}}\s]+', "TIME", text)
    text = re.sub(r"│ +\d+\.\d +(?=│)", "│ TIME ", text)
    return re.sub(r"[ ─━]+", " ", text)  # the width of tables depends on their numbers


def copy_of(whole: Path) -> Path:
    """Creates a copy next to the original, so that relative paths remain valid."""
    copied = Path(tempfile.mkdtemp(prefix="cell-", dir=whole.parent))
    shutil.copytree(whole, copied, dirs_exist_ok=True)
    return copied


def age(folder: Path) -> None:
    """Sets old access times, so that later reads are visible."""
    for path in folder.rglob("*"):
        if path.is_file():
            os.utime(path, (1, 2))


def file_states(folder: Path) -> dict[str, State]:
    """Returns the state of each file, which shows whether it was read or replaced."""
    return {
        str(path.relative_to(folder)): State(
            stat.st_ino, stat.st_mtime_ns, stat.st_atime_ns
        )
        for path in folder.rglob("*")
        if path.is_file() and (stat := path.stat())
    }


def is_written(name: str, before: dict[str, State], after: dict[str, State]) -> bool:
    """Returns whether a file is new or replaced, and neither in the cache nor a log."""
    same = name in before and before[name][:2] == after[name][:2]
    return not same and not name.startswith(CACHE) and not name.endswith(".log")


def draw_data(folder: Path) -> None:
    """Draws images of smooth colors; one is a near copy, and one can't be read."""
    chance = np.random.default_rng(0)
    for split, classes in (("train", CLASSES), ("test", TEST_CLASSES)):
        for name, count in classes.items():
            (folder / split / name).mkdir(parents=True)
            for number in range(count):
                coarse = chance.integers(0, 256, (5, 5, 3), dtype=np.uint8)
                image = Image.fromarray(coarse).resize((48, 48), Image.Resampling.BICUBIC)
                image.save(folder / split / name / f"{number}.png")
                if (split, number) == ("train", 0):
                    image.save(folder / split / name / "again.jpg", quality=90)
    (folder / "train/cat/broken.png").write_bytes(b"no image")


def tiny_backbone(
    include_top: bool, weights: None, input_shape: tuple[int, int, int]
) -> keras.Model:
    """Builds a tiny replacement for a network of keras.applications."""
    layers = keras.layers
    inputs = keras.Input(input_shape)
    outputs = layers.Conv2D(4, 3, 4, name="first")(inputs)
    outputs = layers.BatchNormalization(name="norm")(outputs)
    outputs = layers.Conv2D(6, 3, 2, activation="relu", name="second")(outputs)
    return keras.Model(inputs, outputs, name="tiny")


def preprocess_input(images: Any) -> Any:
    """Returns images unchanged: the preprocessing of `tiny_backbone`."""
    return images


def report(cells: list[dict[str, Any]], options: argparse.Namespace) -> None:
    """Prints the count of each outcome, and a line of JSON."""
    outcomes = sorted({cell["outcome"] for cell in cells}, key=lambda name: name in BAD)
    rows: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for cell in cells:
        rows[cell["subject"], cell["command"]][cell["outcome"]] += 1
    print(f"{'':18}" + "".join(f"{name:>12}" for name in outcomes))
    for (subject, command), counts in rows.items():
        numbers = "".join(f"{counts[name]:12}" for name in outcomes)
        print(f"{subject + ' ' + command:18}{numbers}")
    total = Counter(cell["outcome"] for cell in cells)
    bad = [" ".join(cell.values()) for cell in cells if cell["outcome"] in BAD]
    versions = {name: metadata.version(name) for name in ("keras", "tensorflow")}
    result = {"cells": len(cells), "outcomes": total, "bad": bad}
    print(json.dumps(result | {"versions": versions, "options": vars(options)}))


if __name__ == "__main__":
    main()
