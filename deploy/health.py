#!/opt/longplay/bin/python -IS
"""Whether the process of this container is well: asked by Docker every few seconds, so it is cheap.

longplay-health            # what this container runs is seen from its first process
longplay-health worker     # or is said: worker or web
"""

import os
import socket
import sys
from pathlib import Path

PATIENCE = 4.0


def port_of(kind: str) -> int:
    """Where a process of that kind tells its health."""
    if kind == "worker":
        return int(os.environ.get("LONGPLAY_METRICS_PORT") or 9464)
    return int((os.environ.get("LONGPLAY_WEB_ADDRESS") or ":8080").rpartition(":")[2])


def is_well(port: int) -> bool:
    """Whether `GET /healthz` there is answered with 200."""
    request = b"GET /healthz HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n"
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as line:
            line.sendall(request)
            return line.recv(64).split(b" ")[1:2] == [b"200"]
    except OSError:
        return False


def kind_here() -> str:
    """What the container's first process runs."""
    words = Path("/proc/1/cmdline").read_bytes().split(b"\0")
    return "worker" if b"worker" in words else "web"


if __name__ == "__main__":
    sys.exit(0 if is_well(port_of((sys.argv[1:] or [kind_here()])[0])) else 1)
