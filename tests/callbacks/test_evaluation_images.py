import tensorflow as tf
from keraunos.callbacks.evaluation_images import write_evaluation_images
from keraunos.callbacks.event_files import event_files
from report_pages import figure, finding
from tensorboard.compat.proto.event_pb2 import Event


def written(folder):
    """Step and size of each image, by its tag."""
    found = {}
    for path in event_files(folder):
        for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
            event = Event.FromString(record)
            for value in event.summary.value:
                width, height, *content = value.tensor.string_val
                assert content[0].startswith(b"\x89PNG")
                found.setdefault(value.tag, []).append(
                    (event.step, int(width), int(height))
                )
    return found


def test_repeated_evaluation_writes_each_figure_and_image_once(tmp_path):
    (tmp_path / "tensorboard").mkdir()
    findings = {"calibration": finding(figures={"reliability": figure()})}
    for _ in range(2):
        write_evaluation_images(tmp_path, findings, step=57)
    found = written(tmp_path / "tensorboard")
    assert set(found) == {"calibration/reliability", "calibration/images"}
    assert found["calibration/reliability"] == [(57, 300, 200)]


def test_images_of_kept_parts_are_not_removed(tmp_path):
    (tmp_path / "tensorboard").mkdir()
    parts = {name: finding(figures={"drawn": figure()}) for name in ("grad_cam", "costs")}
    write_evaluation_images(tmp_path, parts, step=57)
    for _ in range(2):
        again = {"calibration": finding(figures={"drawn": figure()})}
        write_evaluation_images(tmp_path, again, step=57, kept={"grad_cam"})
    found = written(tmp_path / "tensorboard")
    parts = {tag.split("/")[0] for tag in found}
    assert parts == {"calibration", "grad_cam"}
    assert found["grad_cam/drawn"] == [(57, 300, 200)]
