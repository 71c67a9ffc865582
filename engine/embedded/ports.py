"""Ports: whether they are free before anything starts, and whether something answers on them."""

import errno
import socket
from collections.abc import Iterable

from engine.addresses import HIGHEST_PORT, Address
from engine.errors import EnvironmentFault

_TRIES = 200


def is_free(address: Address) -> bool:
    """Whether this machine could listen there now.

    Raises:
        EnvironmentFault: never free, because the host is not this machine's or the port is
            reserved.
    """
    try:
        family, *_rest, where = socket.getaddrinfo(
            address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, socket.SOCK_STREAM) as attempt:
            # Without it a port whose server has just gone would count as taken for a minute.
            attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            attempt.bind(where)
            attempt.listen(1)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return False
        raise EnvironmentFault(f"'{address}' cannot be listened on: {error.strerror}") from error
    return True


def answers(address: Address, *, within: float = 0.5) -> bool:
    """Whether a connection is accepted there."""
    try:
        socket.create_connection(address, timeout=within).close()
    except OSError:
        return False
    return True


def require_free(addresses: Iterable[tuple[str, Address]]) -> None:
    """Passes when all can be listened on.

    Args:
        addresses: each with the name of the setting that asks for it.

    Raises:
        EnvironmentFault: some are taken; each is named with its setting and a free port.
    """
    wanted = list(addresses)
    spoken_for = {address.port for _, address in wanted}
    taken, help = [], []
    for setting, address in wanted:
        try:
            free = is_free(address)
        except EnvironmentFault as fault:
            raise EnvironmentFault(
                f"{setting}: {fault.message}", help=f"set {setting} to another address"
            ) from fault
        if not free:
            taken.append(f"port '{address.port}' is taken by another program ({setting})")
            help.append(_another(setting, address, spoken_for))
    if taken:
        raise EnvironmentFault("\n".join(taken), help=f"end that program, or set {', '.join(help)}")


def _another(setting: str, address: Address, spoken_for: set[int]) -> str:
    variable, _, offset = setting.partition(" + ")
    above = int(offset or 0)
    port = _free_port_after(address, spoken_for) - above
    shown = str(Address(address.host, port)) if variable.endswith("_ADDRESS") else str(port)
    return f"{variable}={shown}"


def _free_port_after(address: Address, spoken_for: set[int]) -> int:
    for port in range(address.port + 1, min(address.port + _TRIES, HIGHEST_PORT)):
        if port not in spoken_for and is_free(Address(address.host, port)):
            spoken_for.add(port)
            return port
    with socket.socket() as anywhere:
        anywhere.bind(("", 0))
        return int(anywhere.getsockname()[1])
