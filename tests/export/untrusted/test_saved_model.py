"""A SavedModel that could do more than compute is rejected before loading."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from keras_networks import families
from keraunos.export.formats.inference import inference_function
from keraunos.export.portable.fields import ModelFileError
from keraunos.export.untrusted.checks import require_harmless
from keraunos.export.untrusted.operations import COMPUTING
from keraunos.models.backbones import build_backbone
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow.python.framework import op_def_registry

pytestmark = pytest.mark.slow
IMAGES = tf.TensorSpec((None, 4), tf.float32, name="images")


def save(directory: Path, body: Callable[[Any], Any], **parts: Any) -> Path:
    kept = tf.Module()
    kept.scale = tf.Variable(2.0)
    for name, part in parts.items():
        setattr(kept, name, part)

    @tf.function(input_signature=[IMAGES])
    def infer(images: Any) -> dict[str, Any]:
        return {"probabilities": body(images * kept.scale)}

    tf.saved_model.save(kept, str(directory), signatures=infer)
    return directory


def answer(directory: Path) -> Any:
    infer = tf.saved_model.load(str(directory)).signatures["serving_default"]
    return infer(tf.ones((1, 4)))["probabilities"].numpy()


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(tmp_path_factory.mktemp("good") / "1", tf.nn.softmax)


@pytest.fixture
def copied(good: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(good, tmp_path / "copied"))


def change(directory: Path, edit: Callable[[Any], None]) -> None:
    file = directory / "saved_model.pb"
    model = saved_model_pb2.SavedModel()
    model.ParseFromString(file.read_bytes())
    edit(model.meta_graphs[0])
    file.write_bytes(model.SerializeToString())


def refused(directory: Path, words: str) -> None:
    with pytest.raises(ModelFileError, match=words):
        require_harmless("saved_model", directory)


def test_safe_saved_model_passes(good):
    require_harmless("saved_model", good)


def test_saved_model_that_writes_a_file_is_rejected(tmp_path):
    """Without the check it writes the file, from a nested branch."""
    target = tmp_path / "written"

    def body(images: Any) -> Any:
        def write() -> Any:
            with tf.control_dependencies([tf.io.write_file(str(target), "harm")]):
                return tf.identity(images)

        return tf.map_fn(lambda row: tf.cond(row[0] > 0, write, lambda: images)[0], images)

    directory = save(tmp_path / "1", body)
    refused(directory, "WriteFile")
    assert not target.exists()
    answer(directory)
    assert target.read_text() == "harm"


@pytest.mark.nightly
def test_saved_model_that_reads_a_file_is_rejected(tmp_path):
    (tmp_path / "secret").write_bytes(np.float32(7).tobytes())

    def body(images: Any) -> Any:
        content = tf.io.read_file(str(tmp_path / "secret"))
        return images * 0 + tf.io.decode_raw(content, tf.float32)

    directory = save(tmp_path / "1", body)
    refused(directory, "ReadFile")
    assert answer(directory).max() == 7


@pytest.mark.nightly
def test_saved_model_that_prints_to_a_file_is_rejected(tmp_path):
    target = tmp_path / "printed"

    def body(images: Any) -> Any:
        with tf.control_dependencies([tf.print("x", output_stream=f"file://{target}")]):
            return tf.identity(images)

    directory = save(tmp_path / "1", body)
    refused(directory, "PrintV2")
    answer(directory)
    assert target.exists()


@pytest.mark.nightly
def test_saved_model_that_runs_python_is_rejected(tmp_path):
    def body(images: Any) -> Any:
        same = tf.py_function(lambda x: x, [images], tf.float32)
        return tf.ensure_shape(same, (None, 4))

    directory = save(tmp_path / "1", body)
    refused(directory, "EagerPyFunc")


@pytest.mark.nightly
def test_saved_model_with_a_lookup_table_file_is_rejected(tmp_path):
    (tmp_path / "words").write_text("a\nb\n")
    whole, number = tf.lookup.TextFileIndex.WHOLE_LINE, tf.lookup.TextFileIndex.LINE_NUMBER
    words = tf.lookup.TextFileInitializer(
        str(tmp_path / "words"), tf.string, whole, tf.int64, number
    )
    table = tf.lookup.StaticHashTable(words, 0)
    directory = save(tmp_path / "1", tf.nn.softmax, table=table)
    refused(directory, "has files other than")
    shutil.rmtree(directory / "assets")
    refused(directory, "LookupTableFind|InitializeTable")


def test_saved_model_that_saves_weights_elsewhere_is_rejected(tmp_path):
    """`SaveV2` is in every SavedModel; in a signature it writes to any path."""
    target = str(tmp_path / "stolen")

    def body(images: Any) -> Any:
        saved = tf.raw_ops.SaveV2(
            prefix=target, tensor_names=["x"], shape_and_slices=[""], tensors=[images]
        )
        with tf.control_dependencies([saved]):
            return tf.identity(images)

    directory = save(tmp_path / "1", body)
    refused(directory, "SaveV2")
    answer(directory)
    assert list(tmp_path.glob("stolen*"))


def test_call_of_the_save_function_is_rejected(copied):
    def edit(graph: Any) -> None:
        functions = graph.graph_def.library.function
        saving = next(f for f in functions if "traced_save" in f.signature.name)
        caller = next(f for f in functions if "traced" not in f.signature.name)
        node = caller.node_def.add(name="hidden", op="StatefulPartitionedCall")
        node.attr["f"].func.name = saving.signature.name

    change(copied, edit)
    refused(copied, "a call of __inference__traced_save")


def test_save_function_as_a_signature_is_rejected(copied):
    def edit(graph: Any) -> None:
        functions = graph.graph_def.library.function
        saving = next(f for f in functions if "traced_save" in f.signature.name)
        graph.object_graph_def.concrete_functions[saving.signature.name].SetInParent()

    change(copied, edit)
    refused(copied, "a call of __inference__traced_save")


def test_replacement_by_the_save_function_is_rejected(copied):
    def edit(graph: Any) -> None:
        functions = graph.graph_def.library.function
        saving = next(f for f in functions if "traced_save" in f.signature.name)
        saving.attr["api_implements"].s = b"harmless"

    change(copied, edit)
    refused(copied, "a replacement by __inference__traced_save")


@pytest.mark.parametrize(
    "name", ["assets/words", "saved_model.pbtxt", "saved_model.cpb", "variables/a.so"]
)
def test_unexpected_files_are_rejected(copied, name):
    (copied / name).parent.mkdir(exist_ok=True)
    (copied / name).write_bytes(b"x")
    refused(copied, "has files other than")


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (lambda graph: graph.asset_file_def.add(), "files next to it"),
        (lambda graph: graph.object_graph_def.Clear(), "TensorFlow 1"),
        (
            lambda graph: graph.object_graph_def.nodes.add().resource.SetInParent(),
            "resource",
        ),
        (
            lambda graph: setattr(
                graph.object_graph_def.nodes.add().user_object, "identifier", "_tf_keras_x"
            ),
            "_tf_keras_x",
        ),
        (
            lambda graph: setattr(
                graph.object_graph_def.nodes[0], "registered_saver", "theirs"
            ),
            "theirs",
        ),
        (lambda graph: graph.graph_def.node.add(name="x", op="LoadMine"), "LoadMine"),
    ],
)
def test_unexpected_objects_are_rejected(copied, edit, words):
    change(copied, edit)
    refused(copied, words)


@pytest.mark.parametrize("content", [b"", b"x" * 50])
def test_damaged_graph_raises_a_model_file_error(copied, content):
    (copied / "saved_model.pb").write_bytes(content)
    refused(copied, "no graph|damaged")


def test_allowed_operations_exist_and_have_no_side_effects():
    assert not [name for name in COMPUTING if op_def_registry.get(name) is None]
    harmful = (
        "File",
        "PyFunc",
        "Print",
        "Table",
        "Save",
        "Restore",
        "Dataset",
        "Rpc",
        "Load",
    )
    assert not [name for name in COMPUTING if any(word in name for word in harmful)]


@pytest.mark.nightly
@pytest.mark.parametrize(("name", "size"), families().items())
def test_every_backbone_family_uses_only_allowed_operations(name, size):
    traced = inference_function(
        build_backbone(name, None, size).network
    ).get_concrete_function()
    graph = traced.graph.as_graph_def()
    functions = [node for f in graph.library.function for node in f.node_def]
    assert {node.op for node in [*graph.node, *functions]} <= COMPUTING
