"""Worker versioning: which builds of the drivers there are in a cluster, and which one is current.

Drivers follow the current build at their next wake-up (auto-upgrade): none outlives a rollout on an
old build, and setting the old one current again takes them back. A cluster that knows nothing of
versions is served without them.
"""

import logging
from datetime import timedelta

from temporalio.api.workflowservice.v1 import (
    DescribeWorkerDeploymentRequest,
    SetWorkerDeploymentCurrentVersionRequest,
)
from temporalio.client import Client
from temporalio.common import VersioningBehavior, WorkerDeploymentVersion
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import WorkerDeploymentConfig

from engine.errors import EnvironmentFault

DEPLOYMENT = "longplay"
"""The name of the deployment in Temporal; one for a namespace, because task queues are as well."""

_PATIENCE = timedelta(seconds=5)
_PASSING = (
    RPCStatusCode.UNAVAILABLE, RPCStatusCode.DEADLINE_EXCEEDED, RPCStatusCode.RESOURCE_EXHAUSTED,
    RPCStatusCode.CANCELLED, RPCStatusCode.INTERNAL, RPCStatusCode.ABORTED,
)  # fmt: skip
_log = logging.getLogger("longplay.worker")


def unversioned(release: str) -> WorkerDeploymentConfig:
    """A worker that serves whatever comes, and only says which release it is."""
    version = WorkerDeploymentVersion(DEPLOYMENT, release)
    return WorkerDeploymentConfig(version=version, use_worker_versioning=False)


async def versioned(client: Client, build: str) -> WorkerDeploymentConfig:
    """A worker of a build, which serves once it is current; the very first build is at once.

    Without support by the server it is an unversioned one.

    Raises:
        EnvironmentFault: the server does not answer; without versions nothing would be served.
    """
    try:
        current = await _current(client)
        if current is None:
            await _make_current(client, build)
            current = build
    except RPCError as error:
        if error.status in _PASSING:
            raise EnvironmentFault(
                "Temporal does not say which build of the workers is current: "
                f"{error.message or error.status.name}",
                help="start the worker again once Temporal is well",
            ) from error
        _log.warning("this cluster has no worker versioning, so that the build '%s' serves "
                     "without: %s", build, error.message or error.status.name)  # fmt: skip
        return unversioned(build)
    if current != build:
        _log.warning(
            "the build '%s' is current, this one ('%s') serves nothing before: temporal worker "
            "deployment set-current-version --deployment-name %s --build-id %s",
            current, build, DEPLOYMENT, build,
        )  # fmt: skip
    return WorkerDeploymentConfig(
        version=WorkerDeploymentVersion(DEPLOYMENT, build),
        use_worker_versioning=True,
        default_versioning_behavior=VersioningBehavior.AUTO_UPGRADE,
    )


async def _current(client: Client) -> str | None:
    """The build that is current; None: none ever was."""
    request = DescribeWorkerDeploymentRequest(
        namespace=client.namespace, deployment_name=DEPLOYMENT
    )
    try:
        found = await client.workflow_service.describe_worker_deployment(request, timeout=_PATIENCE)
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return None
        raise
    routing = found.worker_deployment_info.routing_config
    return routing.current_deployment_version.build_id or None


async def _make_current(client: Client, build: str) -> None:
    await client.workflow_service.set_worker_deployment_current_version(
        SetWorkerDeploymentCurrentVersionRequest(
            namespace=client.namespace,
            deployment_name=DEPLOYMENT,
            build_id=build,
            identity=client.identity,
            ignore_missing_task_queues=True,
            allow_no_pollers=True,
        ),
        timeout=_PATIENCE,
    )
