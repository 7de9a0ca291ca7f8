"""The role of a process in a search on several machines, by Keras Tuner's variables."""

import os
from typing import NamedTuple

from ...core.environment import number_of
from ...core.errors import ConfigError, message
from ...core.secret import find_token

ID, IP, PORT = (f"KERASTUNER_{name}" for name in ("TUNER_ID", "ORACLE_IP", "ORACLE_PORT"))


class Role(NamedTuple):
    """The role of this process in a cluster.

    Attributes:
        tuner_id: Its name; that of the chief has "chief" in it.
        address: Where the chief answers.
    """

    tuner_id: str
    address: str

    @property
    def is_chief(self) -> bool:
        """Whether it holds the oracle."""
        return "chief" in self.tuner_id

    def token(self) -> str:
        """The secret that chief and workers share.

        Raises:
            ConfigError: They are on several machines, and it is not set.
        """
        return find_token([self.address.rpartition(":")[0]])


def find_role() -> Role | None:
    """The role of this process by its environment; None if there is no cluster.

    Raises:
        ConfigError: Only some of the variables are set, one is not a port, or there is not
            a token.
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
    role.token()  # that it is there is known before anything is done
    return role
