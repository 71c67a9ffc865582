"""Ports: whether they are free before anything starts, and whether something answers on them."""

import errno
import socket
from collections.abc import Iterable

from engine.addresses import HIGHEST_PORT, Address
from engine.errors import EnvironmentFault


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
        addresses: each with the name of the setting that asks for it; `NAME + 1000` is a port
            that follows from that of NAME.

    Raises:
        EnvironmentFault: some are taken; each is named with its setting and a free port.
    """
    wanted = list(addresses)
    taken = [
        (setting, address) for setting, address in wanted if not _is_free_for(setting, address)
    ]
    if not taken:
        return
    spoken_for = {address.port for _, address in wanted}
    variables = dict.fromkeys(_variable(setting) for setting, _ in taken)
    suggestions = [_suggestion(variable, wanted, spoken_for) for variable in variables]
    raise EnvironmentFault(
        "\n".join(
            f"port '{address.port}' is taken by another program ({setting})"
            for setting, address in taken
        ),
        help=f"end that program, or set {', '.join(suggestions)}",
    )


def _is_free_for(setting: str, address: Address) -> bool:
    try:
        return is_free(address)
    except EnvironmentFault as fault:
        raise EnvironmentFault(
            f"{setting}: {fault.message}", help=f"set {_variable(setting)} to another address"
        ) from fault


def _variable(setting: str) -> str:
    return setting.partition(" + ")[0]


def _suggestion(variable: str, wanted: list[tuple[str, Address]], spoken_for: set[int]) -> str:
    """`variable` with a port at which it, and all that follows from it, would find room."""
    own = [
        (int(setting.partition(" + ")[2] or 0), address)
        for setting, address in wanted
        if _variable(setting) == variable
    ]
    offset, first = own[0]
    highest = HIGHEST_PORT - max(offset for offset, _ in own)
    for port in range(first.port - offset + 1, highest + 1):
        room = {Address(address.host, port + offset) for offset, address in own}
        if not any(each.port in spoken_for for each in room) and all(map(is_free, room)):
            spoken_for.update(each.port for each in room)
            shown = str(Address(first.host, port)) if variable.endswith("_ADDRESS") else str(port)
            return f"{variable}={shown}"
    return f"{variable} to a free port"
