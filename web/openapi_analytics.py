"""What `/openapi.json` says of the funnel, pipelines' health and the report."""

from typing import Any

from pydantic import BaseModel, ConfigDict, JsonValue

from web.openapi_parts import operation, query

_DAY = {"type": "string", "format": "date"}


class FunnelAnswer(BaseModel):
    """A funnel; of leads, with how many bought again under `again`."""

    model_config = ConfigDict(extra="allow")

    pipeline: str | None
    stages: list[dict[str, JsonValue]]
    groups: list[dict[str, JsonValue]]
    warnings: list[dict[str, JsonValue]]


class HealthAnswer(BaseModel):
    """Pipelines judged by their own history."""

    pipelines: list[dict[str, JsonValue]]


class ReportAnswer(BaseModel):
    """The sales report."""

    model_config = ConfigDict(extra="allow")

    forecast: dict[str, JsonValue]
    win_rate: dict[str, JsonValue]
    cycle_days: dict[str, JsonValue]
    clv: dict[str, JsonValue]
    cac: dict[str, JsonValue]
    retention: dict[str, JsonValue]
    sources: list[dict[str, JsonValue]]
    cohorts: list[dict[str, JsonValue]]


MODELS: tuple[type[BaseModel], ...] = (FunnelAnswer, HealthAnswer, ReportAnswer)


def analytics_paths() -> dict[str, Any]:
    """The paths, with what each takes and answers."""
    days = [query("from", _DAY), query("to", _DAY)]
    return {
        "/v1/funnel": {
            "get": operation(
                "How many leads, or deals of a pipeline, come to each stage and go on",
                {"200": FunnelAnswer},
                parameters=[query("pipeline"), query("by"), *days],
            )
        },
        "/v1/pipelines/health": {
            "get": operation(
                "Pipelines judged by their own history, with warnings and their numbers",
                {"200": HealthAnswer},
                parameters=[query("pipeline")],
            )
        },
        "/v1/report": {
            "get": operation(
                "What is to come, what was won, and what customers cost and are worth",
                {"200": ReportAnswer},
                parameters=[query("by"), *days],
            )
        },
    }
