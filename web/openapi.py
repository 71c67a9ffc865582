"""`/openapi.json`, made by hand from the models of `web.documents`."""

from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from web.documents import (
    ConsentAnswer,
    ConsentDocument,
    ConsentsAnswer,
    ControlledAnswer,
    DealAnswer,
    DealDocument,
    DealsAnswer,
    DuplicatesAnswer,
    EnrollDocument,
    EnrolledAnswer,
    EnrollmentAnswer,
    EnrollmentsAnswer,
    ErasedAnswer,
    EraseDocument,
    EventDocument,
    EventsAnswer,
    ExportAnswer,
    LeadAnswer,
    LeadDocument,
    LifecycleAnswer,
    MergedAnswer,
    MergeDocument,
    ProblemAnswer,
)
from web.documents_inbox import (
    AnswerDocument,
    AnsweredAnswer,
    AnswersDocument,
    EntryAnswer,
    InboxAnswer,
    NoticesAnswer,
)
from web.openapi_analytics import MODELS as ANALYTICS
from web.openapi_analytics import analytics_paths
from web.openapi_parts import REF as _REF
from web.openapi_parts import of as _of
from web.openapi_parts import operation as _operation
from web.openapi_parts import query as _query
from web.openapi_records import MODELS, company_paths, list_paths, pool_paths

_MODELS: tuple[type[BaseModel], ...] = (
    AnswerDocument, AnsweredAnswer, AnswersDocument, EntryAnswer, InboxAnswer, NoticesAnswer,
    ConsentAnswer, ConsentDocument, ConsentsAnswer,
    ControlledAnswer, DealAnswer, DealDocument, DealsAnswer, EnrollDocument, EnrolledAnswer,
    EnrollmentAnswer, EnrollmentsAnswer, EventDocument, EventsAnswer, LeadAnswer, LeadDocument,
    ProblemAnswer, DuplicatesAnswer, EraseDocument, ErasedAnswer, ExportAnswer, LifecycleAnswer,
    MergeDocument, MergedAnswer, *MODELS, *ANALYTICS,
)  # fmt: skip
_VERBS = (
    "done", "acknowledge", "snooze", "approve", "reject", "reassign", "retry", "skip",
)  # fmt: skip
_LEAD = {
    "name": "lead", "in": "path", "required": True, "schema": {"type": "string"},
    "description": "the lead's address or id",
}  # fmt: skip
_DEAL = {"name": "deal", "in": "path", "required": True, "schema": {"type": "string"}}
_ENROLLMENT = {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}


@cache
def document() -> dict[str, Any]:
    """The description of the API (OpenAPI 3.1)."""
    _, schemas = models_json_schema([(model, "validation") for model in _MODELS], ref_template=_REF)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Longplay", "version": _version()},
        "security": [{"key": []}],
        "paths": _paths(),
        "components": {
            "schemas": schemas["$defs"],
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
            "responses": {
                "Problem": {
                    "description": "what went wrong (RFC 9457)",
                    "content": {"application/problem+json": {"schema": _of(ProblemAnswer)}},
                }
            },
        },
    }


def _paths() -> dict[str, Any]:
    event = _of(EventDocument)
    events = {"oneOf": [event, {"type": "array", "maxItems": 5_000, "items": event}]}
    lead = _of(LeadDocument)
    return {
        "/v1/events": {
            "post": _operation(
                "Takes in events: accepted means committed",
                {"202": EventsAnswer},
                body={"application/json": events, "application/x-ndjson": {"type": "string"}},
            )
        },
        "/v1/leads": {
            "post": _operation(
                "Makes a lead, or changes the one with this address or id",
                {"201": LeadAnswer, "200": LeadAnswer},
                body={"application/json": lead},
            )
        },
        "/v1/leads/{lead}": {
            "get": _operation("A lead", {"200": LeadAnswer}, parameters=[_LEAD]),
            "patch": _operation(
                "Changes the fields that are given; null takes a value away",
                {"200": LeadAnswer},
                body={"application/json": lead},
                parameters=[_LEAD],
            ),
        },
        **_person_paths(),
        **company_paths(),
        **pool_paths(),
        **list_paths(),
        **_consent_paths(),
        **_deal_paths(),
        **analytics_paths(),
        **_inbox_paths(),
        **_enrollment_paths(),
    }


def _enrollment_paths() -> dict[str, Any]:
    control = _operation(
        "Pauses, resumes, skips, cancels or retries an enrollment",
        {"200": ControlledAnswer},
        parameters=[
            _ENROLLMENT,
            {
                "name": "verb", "in": "path", "required": True,
                "schema": {"enum": ["pause", "resume", "skip", "cancel", "retry"]},
            },
        ],
    )  # fmt: skip
    return {
        "/v1/enrollments": {
            "post": _operation(
                "Enrolls leads, or deals, by hand",
                {"202": EnrolledAnswer},
                body={"application/json": _of(EnrollDocument)},
            ),
            "get": _operation(
                "Enrollments, newest first",
                {"200": EnrollmentsAnswer},
                parameters=[_query(name) for name in ("playbook", "lead", "state", "before")]
                + [_query("limit", {"type": "integer", "minimum": 1, "maximum": 500})],
            ),
        },
        "/v1/enrollments/{id}": {
            "get": _operation("An enrollment", {"200": EnrollmentAnswer}, parameters=[_ENROLLMENT])
        },
        "/v1/enrollments/{id}/{verb}": {"post": control},
    }


def _person_paths() -> dict[str, Any]:
    return {
        "/v1/leads/{lead}/merge": {
            "post": _operation(
                "Merges another lead into this one; it cannot be undone",
                {"200": MergedAnswer},
                body={"application/json": _of(MergeDocument)},
                parameters=[_LEAD],
            )
        },
        "/v1/leads/{lead}/erase": {
            "post": _operation(
                "Erases a lead; 202: a message is in flight, and the rest goes by itself",
                {"200": ErasedAnswer, "202": ErasedAnswer},
                body={"application/json": _of(EraseDocument)},
                parameters=[_LEAD],
            )
        },
        "/v1/leads/{lead}/export": {
            "get": _operation(
                "Everything that is held about a lead", {"200": ExportAnswer}, parameters=[_LEAD]
            )
        },
        "/v1/duplicates": {
            "get": _operation(
                "Pairs of leads that may be one person, as the last search found them",
                {"200": DuplicatesAnswer},
                parameters=[*map(_query, ("least", "limit", "after"))],
            )
        },
        "/v1/lifecycle": {
            "get": _operation(
                "The stages of the lifecycle, and what each means", {"200": LifecycleAnswer}
            )
        },
    }


def _consent_paths() -> dict[str, Any]:
    return {
        "/v1/consents": {
            "post": _operation(
                "Records what a lead was asked, agreed to or took back",
                {"201": ConsentAnswer, "200": ConsentAnswer},
                body={"application/json": _of(ConsentDocument)},
            ),
            "get": _operation(
                "How a lead's consents stand, with the ledger",
                {"200": ConsentsAnswer},
                parameters=[_query("lead")],
            ),
        },
    }


def _deal_paths() -> dict[str, Any]:
    deal = {"application/json": _of(DealDocument)}
    return {
        "/v1/deals": {
            "post": _operation(
                "Makes a deal, or changes the one with this id",
                {"201": DealAnswer, "200": DealAnswer},
                body=deal,
            ),
            "get": _operation(
                "Deals, in the order of their ids",
                {"200": DealsAnswer},
                parameters=[
                    *map(_query, ("pipeline", "stage", "owner", "lead", "after")),
                    _query("open", {"type": "boolean"}),
                    _query("limit", {"type": "integer", "minimum": 1, "maximum": 500}),
                ],
            ),
        },
        "/v1/deals/{deal}": {
            "get": _operation("A deal with its history", {"200": DealAnswer}, parameters=[_DEAL]),
            "patch": _operation(
                "Changes the fields that are given, and moves the deal; null takes a value away",
                {"200": DealAnswer},
                body=deal,
                parameters=[_DEAL],
            ),
        },
    }


def _inbox_paths() -> dict[str, Any]:
    verb = {"name": "verb", "in": "path", "required": True, "schema": {"enum": list(_VERBS)}}
    limit = _query("limit", {"type": "integer", "minimum": 1, "maximum": 500})
    return {
        "/v1/inbox": {
            "get": _operation(
                "What waits for people, what is at stake first",
                {"200": InboxAnswer},
                parameters=[
                    *map(_query, ("owner", "kind", "after")),
                    _query("snoozed", {"type": "boolean"}),
                    limit,
                ],
            ),
            "post": _operation(
                "Answers many entries alike",
                {"200": AnsweredAnswer},
                body={"application/json": _of(AnswersDocument)},
            ),
        },
        "/v1/inbox/{id}": {
            "get": _operation(
                "An entry, with who did what", {"200": EntryAnswer}, parameters=[_ENROLLMENT]
            )
        },
        "/v1/inbox/{id}/{verb}": {
            "post": _operation(
                "Answers an entry",
                {"200": EntryAnswer},
                body={"application/json": _of(AnswerDocument)},
                parameters=[_ENROLLMENT, verb],
            )
        },
        "/v1/notices": {
            "get": _operation(
                "What your own people were told, or will be, newest first",
                {"200": NoticesAnswer},
                parameters=[*map(_query, ("owner", "state", "before")), limit],
            )
        },
    }


def _version() -> str:
    try:
        return version("longplay")
    except PackageNotFoundError:
        return "0"
