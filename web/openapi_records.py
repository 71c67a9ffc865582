"""What `/openapi.json` says of companies, pools and lists of leads."""

from typing import Any

from pydantic import BaseModel

from web.openapi_parts import of, operation, query
from web.record_documents import (
    ClaimDocument,
    ClaimedAnswer,
    CompaniesAnswer,
    CompanyAnswer,
    CompanyDocument,
    CompanyLeadsAnswer,
    CompanyPairsAnswer,
    MergeCompanyDocument,
    MergedCompanyAnswer,
    PoolPageAnswer,
    PoolsAnswer,
)

MODELS: tuple[type[BaseModel], ...] = (
    ClaimDocument, ClaimedAnswer, CompaniesAnswer, CompanyAnswer, CompanyDocument,
    CompanyLeadsAnswer, CompanyPairsAnswer, MergeCompanyDocument, MergedCompanyAnswer,
    PoolPageAnswer, PoolsAnswer,
)  # fmt: skip
_COMPANY = {
    "name": "company", "in": "path", "required": True, "schema": {"type": "string"},
    "description": "the company's id, domain or name",
}  # fmt: skip


def company_paths() -> dict[str, Any]:
    """Companies."""
    company = {"application/json": of(CompanyDocument)}
    limit = query("limit", {"type": "integer", "minimum": 1, "maximum": 500})
    return {
        "/v1/companies": {
            "post": operation(
                "Makes a company, or changes the one with this id, domain or name",
                {"201": CompanyAnswer, "200": CompanyAnswer},
                body=company,
            ),
            "get": operation(
                "Companies, in the order they became known",
                {"200": CompaniesAnswer},
                parameters=[*map(query, ("text", "owner", "after")), limit],
            ),
        },
        "/v1/companies/{company}": {
            "get": operation(
                "A company with its history", {"200": CompanyAnswer}, parameters=[_COMPANY]
            ),
            "patch": operation(
                "Changes the fields that are given; null takes a value away",
                {"200": CompanyAnswer},
                body=company,
                parameters=[_COMPANY],
            ),
        },
        "/v1/companies/{company}/leads": {
            "get": operation(
                "The leads of a company",
                {"200": CompanyLeadsAnswer},
                parameters=[_COMPANY, query("after"), limit],
            )
        },
        "/v1/companies/{company}/merge": {
            "post": operation(
                "Merges another company into this one; it cannot be undone",
                {"200": MergedCompanyAnswer},
                body={"application/json": of(MergeCompanyDocument)},
                parameters=[_COMPANY],
            )
        },
        "/v1/company-duplicates": {
            "get": operation(
                "Pairs of companies that may be one",
                {"200": CompanyPairsAnswer},
                parameters=[query("after"), limit],
            )
        },
    }


def pool_paths() -> dict[str, Any]:
    """Pools, and claims."""
    pool = {"name": "pool", "in": "path", "required": True, "schema": {"type": "string"}}
    return {
        "/v1/pools": {
            "get": operation("The pools, and how much lies in each", {"200": PoolsAnswer})
        },
        "/v1/pools/{pool}": {
            "get": operation(
                "What lies in a pool; with an owner, why he may not claim it",
                {"200": PoolPageAnswer},
                parameters=[pool, *map(query, ("owner", "after")),
                            query("limit", {"type": "integer", "minimum": 1, "maximum": 500})],
            )
        },
        "/v1/claims": {
            "post": operation(
                "Gives a record of a pool to an owner; 409: it cannot be his",
                {"200": ClaimedAnswer},
                body={"application/json": of(ClaimDocument)},
            )
        },
    }  # fmt: skip


def list_paths() -> dict[str, Any]:
    """Files of leads: they are no JSON documents."""
    summary = "Leads as a file: those of a segment, of a condition, or all"
    parameters = [
        *map(query, ("where", "segment", "columns")),
        query("encoding", {"enum": ["utf-8", "utf-8-bom", "gbk"]}),
    ]
    found = {}
    for form, kind in (("csv", "text/csv"), ("jsonl", "application/x-ndjson")):
        one = operation(summary, {}, parameters=parameters)
        content = {kind: {"schema": {"type": "string"}}}
        one["responses"]["200"] = {"description": summary, "content": content}
        found[f"/v1/leads.{form}"] = {"get": one}
    return found
