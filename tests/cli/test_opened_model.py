"""Opening a model from an export directory."""

from color_network import halves, write_color_export
from keraunos.cli.opened_model import open_model
from keraunos.serving.page.tasks import MAP_TASK, page_tasks


def test_keras_export_provides_grad_cam_maps(tmp_path):
    write_color_export(tmp_path / "export")
    opened = open_model(tmp_path / "export")
    tasks = page_tasks(opened.model, opened.keras_model)
    png = tasks[MAP_TASK](halves((255, 0, 0), (0, 255, 0)), {"place": 0})
    assert png.startswith(b"\x89PNG")
    assert page_tasks(opened.model, None) == {}
