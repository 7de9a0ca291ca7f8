"""Opens and checks the ports of workers, with as little exposure as possible."""

import socket

from ..core.cluster import Cluster
from ..core.errors import ConfigError, KeraunosError, WorkerError, message


def listen(cluster: Cluster) -> socket.socket:
    """Listens on the chief's port; on loopback only if all workers are on one machine.

    Raises:
        ConfigError: The port is taken.
        WorkerError: The port is taken and was chosen by the launcher.
    """
    require_free_port(cluster)
    host, port = cluster.hosts[0], cluster.port
    try:
        if cluster.is_on_one_machine:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            return without_nagle(socket.create_server((host, port), family=family))
        both = socket.has_dualstack_ipv6()
        family = socket.AF_INET6 if both else socket.AF_INET
        return without_nagle(
            socket.create_server(("", port), family=family, dualstack_ipv6=both)
        )
    except OSError as error:
        raise _port_in_use_error(cluster, error) from None


def without_nagle(connection: socket.socket) -> socket.socket:
    """Disables Nagle's algorithm; accepted connections inherit this."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def require_free_port(cluster: Cluster) -> None:
    """Checks that this worker's port is free on all interfaces, for TensorFlow.

    Raises:
        ConfigError: The port is taken.
        WorkerError: The port is taken and was chosen by the launcher.
    """
    both = socket.has_dualstack_ipv6()
    with socket.socket(socket.AF_INET6 if both else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if both:
            probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        try:
            probe.bind(("", cluster.port))
        except OSError as error:
            raise _port_in_use_error(cluster, error) from None


def _port_in_use_error(cluster: Cluster, error: OSError) -> KeraunosError:
    """Returns the error for a taken port; a restart helps if the launcher chose it."""
    kind = WorkerError if cluster.has_chosen_ports else ConfigError
    return kind(
        message(
            f"The port of {cluster.name(cluster.rank)} must be free ({error.strerror}).",
            "Is another run on this machine, or a worker named twice?",
            port=cluster.port,
        )
    )


def problem_with_port(cluster: Cluster) -> str | None:
    """Returns the message for the chief if this worker's port is taken, otherwise None."""
    if cluster.rank == 0:
        return None
    try:
        require_free_port(cluster)
    except KeraunosError as error:
        return str(error)
    return None
