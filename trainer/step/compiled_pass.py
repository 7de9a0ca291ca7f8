"""The forward and backward pass of a replica, compiled by XLA.

Sums over replicas and variable updates are not part of the program. It returns the values
that layers assign in their forward pass; the strategy assigns them afterwards.
"""

from typing import Any, NamedTuple

import keras
import tensorflow as tf

from ...strategies import Replicas
from ...strategies.tensorflow_internals import random_floats_by, trace
from . import random_floats
from .detached_pass import DetachedPass, Outputs, Packing
from .losses import Kind
from .replica_pass import Batch, PassResult, ReplicaPass


class Program(NamedTuple):
    """The program that XLA compiles for a replica.

    Attributes:
        function: Takes and returns lists of tensors.
        outputs: Packs returned tensors into `Outputs`.
    """

    function: Any
    outputs: Packing


class CompiledPass:
    """Runs a `ReplicaPass` as an XLA program for full batches.

    XLA compiles a program for each input shape. Each replica has one program, for its part
    of a full batch. Other parts, such as those of a smaller last batch, run uncompiled.

    Args:
        replica_pass: The pass to compile.
        model: The model of that pass.
        replicas: The replicas that share each batch.
        num_rows: Rows of a full global batch; at least one per replica.

    Attributes:
        num_programs: Number of programs traced so far.
    """

    def __init__(
        self,
        replica_pass: ReplicaPass,
        model: keras.Model,
        replicas: Replicas,
        num_rows: int,
    ) -> None:
        self._pass = replica_pass
        self._detached = DetachedPass(replica_pass, model)
        self._replicas = replicas
        self._num_rows = num_rows
        self._programs: dict[int, Program] = {}
        self.num_programs = 0

    @property
    def kinds(self) -> list[Kind]:
        """The kinds of the losses, in the order of the numerators; known after tracing."""
        return self._pass.kinds

    def __call__(self, batch: Batch, repeats: tf.Tensor) -> PassResult:
        """Runs the pass like `ReplicaPass`; in replica context, while tracing."""
        rows = _num_rows(batch)
        is_full = _logical_and(
            _static_equal(rows, self._own_num_rows()), _static_equal(repeats, 1)
        )
        if tf.get_static_value(is_full) is None:
            outputs = self._run_for_batch_size(is_full, batch, repeats)
        elif tf.get_static_value(is_full):
            outputs = self.compiled(batch)
        else:
            outputs = self._detached(batch, repeats)
        self._detached.write(outputs.updates)
        return outputs.result

    def compiled(self, batch: Batch) -> Outputs:
        """Runs the program on a part of a full batch; while tracing."""
        form, replica = Packing(batch), _replica_id()
        own = [self._in_full_shape(tensor) for tensor in form.tensors]
        if replica not in self._programs:
            self._programs[replica] = self._program(form, own)
        program = self._programs[replica]
        return Outputs(*program.outputs.unpack(list(program.function(*own))))

    def uncompiled(self, batch: Batch) -> Outputs:
        """Runs the pass without XLA, eagerly or while tracing."""
        return self._detached(batch, tf.constant(1))

    def _own_num_rows(self) -> int:
        """Returns the number of rows of this replica's part of a full batch."""
        rows = self._replicas.rows(_replica_id(), self._num_rows)
        return int(rows.stop - rows.start)

    def _run_for_batch_size(
        self, is_full: tf.Tensor, batch: Batch, repeats: tf.Tensor
    ) -> Outputs:
        """Runs the program or the plain pass, depending on the size of the batch."""
        packings: list[Packing] = []  # of both branches, which have the same structure

        def packed(outputs: Outputs) -> list[tf.Tensor]:
            packings.append(Packing(outputs))
            return packings[-1].tensors

        tensors = tf.cond(
            is_full,
            lambda: packed(self.compiled(batch)),
            lambda: packed(self._detached(batch, repeats)),
        )
        return Outputs(*packings[-1].unpack(tensors))

    def _program(self, form: Packing, inputs: list[tf.Tensor]) -> "Program":
        packings: list[Packing] = []

        def run(*tensors: tf.Tensor) -> list[tf.Tensor]:
            self.num_programs += 1
            with random_floats_by(random_floats.uniform, random_floats.normal):
                packings.append(Packing(self.uncompiled(form.unpack(tensors))))
            return packings[-1].tensors

        specs = [tf.TensorSpec(each.shape, each.dtype) for each in inputs]
        function = trace(run, jit_compile=True).get_concrete_function(*specs)
        return Program(function, packings[-1])

    def _in_full_shape(self, tensor: tf.Tensor) -> tf.Tensor:
        """Sets the static number of rows of a tensor to that of a full batch."""
        # Not tf.ensure_shape: it may be moved out of the branch and fail for other batches.
        copy = tf.identity(tensor)
        rows = self._own_num_rows() if tensor.shape[0] is None else tensor.shape[0]
        copy.set_shape([rows, *tensor.shape[1:]])
        return copy


def _replica_id() -> int:
    context = tf.distribute.get_replica_context()
    return int(tf.get_static_value(context.replica_id_in_sync_group))


def _num_rows(batch: Batch) -> Any:
    """Returns the number of rows, as an int if it is known while tracing."""
    first = tf.nest.flatten(batch)[0]
    return tf.shape(first)[0] if first.shape[0] is None else first.shape[0]


def _static_equal(value: Any, number: int) -> Any:
    known = tf.get_static_value(value)
    return tf.equal(value, number) if known is None else tf.constant(int(known) == number)


def _logical_and(first: tf.Tensor, second: tf.Tensor) -> tf.Tensor:
    """Returns the logical and, static if a static argument decides it."""
    for one, other in ((first, second), (second, first)):
        known = tf.get_static_value(one)
        if known is not None:
            return other if known else one
    return tf.logical_and(first, second)
