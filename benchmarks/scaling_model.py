"""Predicts time and cost of a run on 1 to 64 GPUs.

A step takes the computing time of the slowest replica plus the exchange, which do not
overlap, because gradients are summed once all of them are computed:

    computing = overhead + images of a GPU / images per second of one GPU
    exchange  = 2 (n - 1) / n * bytes / bandwidth + collectives * 2 (n - 1) * latency

for a ring of n members. Between machines of 8 GPUs, a second ring exchanges the same bytes
over the network. Validation, input and start-up are not included: `keraunos doctor
--selftest` measures the input of a machine. The global batch size does not depend on the
number of GPUs, so that results stay the same; consider increasing `--batch-size` for more
GPUs.

Images per second of one GPU must be given, as measured by `keraunos doctor --batch-size`.
Bytes and collective operations of a step are those of ResNet50 with a head of nine classes,
counted in the graph by benchmarks/scaling.py.

With `--check`, two workers on this machine train a model that is dominated by the exchange,
and the measured step is compared with the prediction. To limit the bandwidth of loopback,
run it in a network namespace of its own, which affects nothing outside:

    unshare -n sh -c "ip link set lo up && tc qdisc add dev lo root tbf rate 1gbit \
        burst 512kb latency 100ms && python benchmarks/scaling_model.py --check 1"

The fixed cost of an exchange is measured with a tiny model in the same run.

Usage: python benchmarks/scaling_model.py --frozen 2500 --fine-tuned 800 [--images 25000]
           [--epochs 10] [--batch-size 256] [--price 2.5] [--within nvlink4]
           [--between 100gbe] [--check GBIT_PER_SECOND]
"""

import argparse
import json
from importlib import metadata
from typing import Any, NamedTuple

GPUS = (1, 2, 4, 8, 16, 32, 64)
GPUS_OF_A_MACHINE = 8
OVERHEAD_SECONDS = 0.002  # a step of a tiny model, benchmarks/step_overhead.py


class Link(NamedTuple):
    """A connection: bandwidth per direction in bytes per second, latency in seconds."""

    bandwidth: float
    latency: float
    source: str


# Nominal bandwidths. Assumed, not measured: that an all-reduce reaches 80% of it, and the
# orders of magnitude of latencies: of NCCL within a machine, of TCP between machines.
EFFICIENCY = 0.8
LINKS = {
    "nvlink3": Link(300e9, 3e-6, "NVIDIA A100 data sheet: 600 GB/s, both directions"),
    "nvlink4": Link(450e9, 3e-6, "NVIDIA H100 data sheet: 900 GB/s, both directions"),
    "pcie3": Link(16e9, 5e-6, "PCI-SIG: 8 GT/s, 16 lanes"),
    "pcie4": Link(32e9, 5e-6, "PCI-SIG: 16 GT/s, 16 lanes"),
    "pcie5": Link(64e9, 5e-6, "PCI-SIG: 32 GT/s, 16 lanes"),
    "10gbe": Link(1.25e9, 2.5e-5, "IEEE 802.3ae"),
    "25gbe": Link(3.125e9, 2.5e-5, "IEEE 802.3by"),
    "100gbe": Link(12.5e9, 2.5e-5, "IEEE 802.3ba"),
}


class Job(NamedTuple):
    """The data that a step of ResNet50 with a head of nine classes exchanges."""

    bytes: int
    collectives: int


JOBS = {
    "cached": Job(73_776, 1),
    "frozen": Job(73_776, 1),
    "fine-tuned": Job(94_743_344, 266),  # 265 for synchronized BatchNorm
}


def ring_seconds(members: int, bytes_: float, collectives: int, link: Link) -> float:
    """Returns the seconds of the all-reduces of a step in a ring.

    Example:
        >>> ring_seconds(1, 1e9, 1, LINKS["10gbe"])
        0.0
        >>> ring_seconds(2, 1e9, 1, Link(1e9, 0.0, ""))  # each sends 1 GB in all
        1.0
    """
    if members == 1:
        return 0.0
    sent = 2 * (members - 1) / members * bytes_
    return sent / link.bandwidth + collectives * 2 * (members - 1) * link.latency


def reachable(name: str) -> Link:
    """Returns a link with the bandwidth that an all-reduce is assumed to reach."""
    link = LINKS[name]
    return link._replace(bandwidth=EFFICIENCY * link.bandwidth)


def step_seconds(
    gpus: int, job: Job, images_per_second: float, batch_size: int, links: tuple[Link, Link]
) -> float:
    """Returns the seconds of a step on a number of GPUs."""
    images = -(-batch_size // gpus)
    machines = -(-gpus // GPUS_OF_A_MACHINE)
    exchange = ring_seconds(
        min(gpus, GPUS_OF_A_MACHINE), job.bytes, job.collectives, links[0]
    ) + ring_seconds(machines, job.bytes, job.collectives, links[1])
    return OVERHEAD_SECONDS + images / images_per_second + exchange


def predict(name: str, speed: float, options: argparse.Namespace) -> list[dict[str, float]]:
    """Returns hours, cost and speed-up for each number of GPUs."""
    links = (reachable(options.within), reachable(options.between))
    steps = -(-options.images // options.batch_size) * options.epochs
    rows = []
    for gpus in GPUS:
        if gpus > options.batch_size:
            break
        seconds = step_seconds(gpus, JOBS[name], speed, options.batch_size, links)
        hours = steps * seconds / 3600
        rows.append({"gpus": gpus, "hours": hours, "cost": hours * gpus * options.price})
        rows[-1]["speed_up"] = rows[0]["hours"] / hours
    return rows


def advise(rows: list[dict[str, float]]) -> int:
    """Returns the largest number of GPUs that are used at least half of the time."""
    return int(max(row["gpus"] for row in rows if row["speed_up"] >= row["gpus"] / 2))


def main() -> None:
    """Prints a table for each kind of training with a given speed, and a line of JSON."""
    options = parse()
    given = {name: getattr(options, name.replace("-", "_")) for name in JOBS}
    result: dict[str, Any] = {"predicted": {}, "options": vars(options)}
    for name, speed in given.items():
        if speed is None:
            continue
        rows = predict(name, speed, options)
        result["predicted"][name] = rows
        show(name, speed, rows, options)
    if options.check:
        result["checked"] = check(options.check)
    result["versions"] = {name: metadata.version(name) for name in ("keras", "tensorflow")}
    print(json.dumps(result))


def parse() -> argparse.Namespace:
    """Parses the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    for name in JOBS:
        text = f"images per second of one GPU, {name}"
        parser.add_argument(f"--{name}", type=float, help=text)
    parser.add_argument("--images", type=int, default=25_000, help="of the training set")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--batch-size", type=int, default=256, help="of all GPUs together")
    parser.add_argument("--price", type=float, default=1.0, help="of a GPU for an hour")
    parser.add_argument("--within", choices=LINKS, default="pcie4", help="a machine")
    parser.add_argument("--between", choices=LINKS, default="25gbe", help="machines")
    parser.add_argument("--check", type=float, help="Gbit/s of this machine's loopback")
    return parser.parse_args()


def show(
    name: str, speed: float, rows: list[dict[str, float]], options: argparse.Namespace
) -> None:
    """Prints the assumptions and the predictions."""
    job = JOBS[name]
    print(
        f"{name}: {options.images:,} images, {options.epochs} epochs, batch "
        f"{options.batch_size}\n"
        f"given: {speed:g} images/s of one GPU\n"
        f"counted: {job.bytes:,} bytes in {job.collectives} collectives a step\n"
        f"assumed: {options.within} within a machine of {GPUS_OF_A_MACHINE}, "
        f"{options.between} between machines, {EFFICIENCY:.0%} of their bandwidth; "
        "input keeps up; no validation"
    )
    print("GPUs    hours     cost  speed-up")
    for row in rows:
        print(
            f"{row['gpus']:4.0f}  {row['hours']:7.3f}  {row['cost']:7.2f}  "
            f"{row['speed_up']:8.2f}"
        )
    print(f"up to {advise(rows)} GPUs are used for at least half of their time\n")


def check(gbit_per_second: float) -> dict[str, float]:
    """Compares a step of two workers over loopback with the prediction.

    Returns:
        Milliseconds per step of two workers, predicted and measured, bytes per step, and
        milliseconds of CPU time of one worker and of each of two.
    """
    import keras
    import scaling

    def wide(options: argparse.Namespace) -> keras.Model:
        layers = keras.layers
        return scaling.compiled(
            keras.Sequential(
                [keras.Input((16,)), layers.Dense(500_000), layers.Dense(4, "softmax")]
            )
        )

    scaling.MODELS["wide"] = (wide, scaling.numbers, None)
    options = argparse.Namespace(steps=20, epochs=3, image_size=32)
    tiny = [scaling.in_workers(count, "tiny", options) for count in (1, 2)]
    fixed = tiny[1]["milliseconds"] - tiny[0]["milliseconds"]
    one = scaling.in_workers(1, "wide", options)
    two = scaling.in_workers(2, "wide", options)
    loopback = Link(gbit_per_second * 1e9 / 8 / 2, 0.0, "shared by both directions")
    exchange = 1000 * ring_seconds(2, two["bytes"], two["collectives"], loopback)
    predicted = one["milliseconds"] + fixed + exchange
    measured = two["milliseconds"]
    print(
        f"two workers here, {two['bytes']:,} bytes a step at {gbit_per_second:g} Gbit/s: "
        f"predicted {predicted:.0f} ms (one worker {one['milliseconds']:.0f}, fixed "
        f"{fixed:.1f}, exchange {exchange:.0f}), measured {measured:.0f} ms\n"
        f"CPU per step: one worker {one['cpu_milliseconds']:.0f} ms, two "
        f"{two['cpu_milliseconds']:.0f} ms each"
    )
    cpu = {"cpu_of_one": one["cpu_milliseconds"], "cpu_of_each": two["cpu_milliseconds"]}
    return {"predicted": predicted, "measured": measured, "bytes": two["bytes"], **cpu}


if __name__ == "__main__":
    main()
