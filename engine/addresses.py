"""Addresses to listen on or to reach: `HOST:PORT`, taken apart and spelled. It opens nothing."""

from ipaddress import ip_address
from typing import NamedTuple

HIGHEST_PORT = 65535


class Address(NamedTuple):
    """A host and a port to listen on or to reach."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it."""
        if self.host == "localhost":
            return True
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return False


def read_address(text: str) -> Address:
    """The address that `text` spells.

    Raises:
        ValueError: it is none; the text of the error says why.
    """
    host, colon, port = text.strip().rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not colon or not host or not port.isascii() or not port.isdigit() or "/" in host:
        raise ValueError("it is not HOST:PORT")
    if not 1 <= int(port) <= HIGHEST_PORT:
        raise ValueError(f"a port is a number from 1 to {HIGHEST_PORT}")
    return Address(host, int(port))
