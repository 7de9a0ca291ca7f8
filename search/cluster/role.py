"""The role of a process in a search on several machines, from Keras Tuner's variables."""

import os
from typing import NamedTuple

from ...core.environment import number_of
from ...core.errors import ConfigError, message
from ...core.secret import find_token

ID, IP, PORT = (f"KERASTUNER_{name}" for name in ("TUNER_ID", "ORACLE_IP", "ORACLE_PORT"))


class Role(NamedTuple):
    """The role of this process in a cluster.

    Attributes:
        tuner_id: Its name; that of the chief contains "chief".
        address: Address of the chief.
    """

    tuner_id: str
    address: str

    @property
    def is_chief(self) -> bool:
        """Whether this process is the chief, which holds the oracle."""
        return "chief" in self.tuner_id

    def token(self) -> str:
        """Returns the secret that chief and workers share.

        Raises:
            ConfigError: There are several machines, and the secret is not set.
        """
        return find_token([self.address.rpartition(":")[0]])


def find_role() -> Role | None:
    """Reads the role of this process from its environment; None without a cluster.

    Raises:
        ConfigError: Only some of the variables are set, the port is invalid, or the token
            is missing.
    """
    given = {name: os.environ.get(name) for name in (ID, IP, PORT)}
    if not any(given.values()):
        return None
    if not all(given.values()):
        raise ConfigError(
            message(
                f"{ID}, {IP} and {PORT} must all be set for a search on several machines.",
                "Unset them for a search on this one.",
                **given,
            )
        )
    port = int(number_of(PORT, 0, "", 1, 65535, is_whole=True))
    role = Role(str(given[ID]), f"{given[IP]}:{port}")
    role.token()  # fails early if it is missing
    return role
