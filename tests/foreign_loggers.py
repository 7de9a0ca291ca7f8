"""Programs that log with W&B's and MLflow's own callbacks, and read what was logged."""

import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keraunos as kr
import tensorflow as tf
from helpers import classifier, examples, replicas
from programs import wait_for

EPOCHS = 3
_BLOCK, _HEADER = 2**15, 7


def log_with_wandb(folder: Path) -> int:
    """Writes what a fit returned, and what W&B's file of the run contains."""
    import wandb
    from wandb.integration.keras import WandbMetricsLogger
    from wandb.proto.wandb_internal_pb2 import Record

    with wandb.init(project="keraunos", dir=str(folder)) as run:
        history = _fit(WandbMetricsLogger())
    file = Path(run.dir).parent / f"run-{run.id}.wandb"
    records: list[Any] = []

    def is_whole() -> bool:  # another process of W&B writes it
        records[:] = map(Record.FromString, _records(file.read_bytes()))
        return any(each.WhichOneof("record_type") == "exit" for each in records)

    wait_for(is_whole)
    epochs = []
    for record in records:
        if record.WhichOneof("record_type") == "history":
            items = record.history.item
            names = [item.key or "/".join(item.nested_key) for item in items]
            values = [json.loads(item.value_json) for item in items]
            epochs.append(dict(zip(names, values, strict=True)))
    return _write(folder, history, epochs)


def log_with_mlflow(folder: Path) -> int:
    """Writes what a fit returned, and what MLflow has stored."""
    import mlflow
    from mlflow.keras import MlflowCallback

    mlflow.set_tracking_uri((folder / "mlruns").as_uri())
    with mlflow.start_run() as run:
        history = _fit(MlflowCallback())
    client = mlflow.MlflowClient()
    names = client.get_run(run.info.run_id).data.metrics
    metrics = {name: client.get_metric_history(run.info.run_id, name) for name in names}
    logged = {name: [[m.step, m.value] for m in found] for name, found in metrics.items()}
    return _write(folder, history, logged)


def _fit(callback: Any) -> dict[str, list[float]]:
    kr.set_cpu_devices(2)
    parts = [tf.data.Dataset.from_tensor_slices(examples(n)[:2]) for n in (13, 7)]
    trainer = kr.Trainer(strategy=replicas(2), max_epochs=EPOCHS, callbacks=[callback])
    train, validation = (each.batch(5) for each in parts)
    return trainer.fit(classifier(), train, validation_data=validation).history


def _write(folder: Path, history: dict[str, list[float]], logged: Any) -> int:
    (folder / "result.json").write_text(json.dumps({"history": history, "logged": logged}))
    return 0


def _records(content: bytes) -> Iterator[bytes]:
    """The records of a file in the format of LevelDB's log, after W&B's own header."""
    place, record = _HEADER, b""
    while place + _HEADER < len(content):
        left = _BLOCK - place % _BLOCK
        if left < _HEADER:
            place += left
            continue
        length, kind = struct.unpack_from("<HB", content, place + 4)
        if place + _HEADER + length > len(content):
            return  # it is being written
        record += content[place + _HEADER : place + _HEADER + length]
        place += _HEADER + length
        if kind in (1, 4):  # whole, or the last part
            yield record
            record = b""
