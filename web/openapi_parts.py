"""What the description of the API is put together of."""

from typing import Any

from pydantic import BaseModel

REF = "#/components/schemas/{model}"


def operation(
    summary: str,
    answers: dict[str, type[BaseModel]],
    *,
    body: dict[str, Any] | None = None,
    parameters: list[dict[str, Any]] | None = None,
) -> dict[str, Any]:
    """What one method of a path takes and answers."""
    responses: dict[str, Any] = {
        status: {"description": summary, "content": {"application/json": {"schema": of(model)}}}
        for status, model in answers.items()
    }
    found: dict[str, Any] = {
        "summary": summary,
        "responses": responses | {"default": {"$ref": "#/components/responses/Problem"}},
    }
    if parameters:
        found["parameters"] = parameters
    if body:
        content = {kind: {"schema": schema} for kind, schema in body.items()}
        found["requestBody"] = {"required": True, "content": content}
    return found


def of(model: type[BaseModel]) -> dict[str, str]:
    """Where the schema of a model is."""
    return {"$ref": REF.format(model=model.__name__)}


def query(name: str, schema: dict[str, Any] | None = None) -> dict[str, Any]:
    """A parameter of the query."""
    return {"name": name, "in": "query", "schema": schema or {"type": "string"}}
