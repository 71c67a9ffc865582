"""The embedded compose file for an engine without a bridge: every service on the host's network.

Names of services and ports that are published mean nothing there, so each service gets a free port
of the loopback. Nothing else of the file is changed.
"""

import json
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

HOST = "127.0.0.1"


def free_port() -> int:
    """A port of the loopback where nobody listens now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass(frozen=True, slots=True)
class Ports:
    """Where everything listens."""

    web: int = field(default_factory=free_port)
    temporal: int = field(default_factory=free_port)
    temporal_ui: int = field(default_factory=free_port)
    catcher: int = field(default_factory=free_port)
    metrics: Mapping[str, int] = field(
        default_factory=lambda: {name: free_port() for name in ("worker-1", "worker-2")}
    )


def on_host(composed: dict[str, Any], ports: Ports) -> dict[str, Any]:
    """The compose file, as data, for the host's network.

    Raises:
        KeyError: it has lost something that this knows of.
    """
    found: dict[str, Any] = json.loads(json.dumps(composed))  # what was shared by `<<` no more is
    for name, service in found["services"].items():
        service.pop("ports", None)
        service["network_mode"] = "host"
        if "environment" in service:
            service["environment"] |= _settings(ports, ports.metrics.get(name))
    _move_temporal(found["services"]["temporal"], ports)
    folder, _, _ = found["services"]["catcher"]["command"]
    found["services"]["catcher"]["command"] = [folder, str(ports.catcher), HOST]
    return found


def _settings(ports: Ports, metrics: int | None) -> dict[str, str]:
    return {
        "LONGPLAY_TEMPORAL_ADDRESS": f"{HOST}:{ports.temporal}",
        "LONGPLAY_CATCHER_HOST": HOST,
        "LONGPLAY_CATCHER_PORT": str(ports.catcher),
        "LONGPLAY_WEB_ADDRESS": f"{HOST}:{ports.web}",
        "LONGPLAY_PUBLIC_URL": f"http://{HOST}:{ports.web}",
        "LONGPLAY_METRICS_PORT": str(metrics or ""),
    }


def _move_temporal(service: dict[str, Any], ports: Ports) -> None:
    moved = {
        "--ip=0.0.0.0": f"--ip={HOST}",
        "--port=7233": f"--port={ports.temporal}",
        "--ui-port=8233": f"--ui-port={ports.temporal_ui}",
    }
    missing = set(moved) - set(service["command"])
    if missing:
        raise KeyError(f"Temporal is not told any more: {', '.join(sorted(missing))}")
    service["command"] = [moved.get(each, each) for each in service["command"]]
    asked = service["healthcheck"]["test"]
    service["healthcheck"]["test"] = [each.replace(":7233", f":{ports.temporal}") for each in asked]
