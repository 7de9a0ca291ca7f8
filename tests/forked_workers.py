"""Runs a function in several workers, which are forked when all is imported.

    python forked_workers.py MODULE:FUNCTION COUNT FOLDER ARGUMENTS...

A line of JSON tells their exit codes; what a worker writes is in the file FOLDER/log-RANK.
One process imports TensorFlow for all of them.
"""

import importlib
import json
import os
import sys
import traceback
from pathlib import Path

from keraunos import KeraunosError
from keraunos.cli.launch import free_ports
from keraunos.core.cluster import Cluster
from keraunos.core.leash import end_with_parent


def main() -> int:
    place, count, folder, *arguments = sys.argv[1:]
    module, _, name = place.partition(":")
    function = getattr(importlib.import_module(module), name)
    addresses = tuple(f"127.0.0.1:{port}" for port in free_ports(int(count)))
    parent, pids = os.getpid(), []
    for rank in range(int(count)):
        pids.append(os.fork())
        if pids[-1] == 0:
            end_with_parent(parent)
            os.environ["TF_CONFIG"] = Cluster(addresses, rank).tf_config()
            log = os.open(Path(folder) / f"log-{rank}", os.O_CREAT | os.O_WRONLY)
            os.dup2(log, 1)
            os.dup2(log, 2)
            return work(function, Path(folder), arguments)
    codes = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids]
    print(json.dumps(codes))
    return 0


def work(function, folder: Path, arguments: list[str]) -> int:
    """Does what the command line does with errors."""
    try:
        return function(folder, *arguments) or 0
    except KeraunosError as error:
        print(f"error: {error}", flush=True)
        return error.exit_code
    except Exception:
        traceback.print_exc()
        return 1


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    sys.exit(main())
