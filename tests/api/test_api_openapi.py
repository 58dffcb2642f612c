"""The OpenAPI document says what the server does."""

import pytest
from routes import document, native_routes

PROBLEM = {"$ref": "#/components/schemas/Problem"}

CONTRACT = {
    "GET /api/v1/files",
    "POST /api/v1/files",
    "POST /api/v1/batches",
    "GET /api/v1/batches",
    "GET /api/v1/batches/{batch_id}",
    "GET /api/v1/batches/{batch_id}/events",
    "GET /api/v1/batches/{batch_id}/jobs",
    "GET /api/v1/jobs/{job_id}",
    "GET /api/v1/images/{image_id}",
    "POST /api/v1/batches/{batch_id}/pause",
    "POST /api/v1/batches/{batch_id}/resume",
    "POST /api/v1/batches/{batch_id}/cancel",
    "POST /api/v1/batches/{batch_id}/retry",
    "POST /api/v1/logins",
    "GET /api/v1/keys",
    "GET /api/v1/providers",
    "POST /api/v1/keys",
    "DELETE /api/v1/keys/{key_id}",
}


def test_it_lists_the_whole_contract():
    assert {str(route) for route in native_routes()} == CONTRACT


@pytest.mark.parametrize("route", native_routes(), ids=str)
def test_every_refusal_is_documented_as_a_problem(route):
    refusals = {
        status: answer
        for status, answer in route.operation["responses"].items()
        if status.startswith(("4", "5"))
    }
    assert refusals.keys() >= {"401", "403", "503"}
    assert ("404" in refusals) >= route.takes_id
    for answer in refusals.values():
        assert answer["content"] == {"application/problem+json": {"schema": PROBLEM}}


@pytest.mark.parametrize("route", native_routes(), ids=str)
def test_every_route_names_the_key_it_needs(route):
    assert {"API key": []} in route.operation["security"]


def test_every_reference_leads_somewhere(stranger):
    served = stranger.get("/openapi.json").json()
    assert served == document()
    schemas = served["components"]["schemas"]
    for name in _referenced(served):
        assert name in schemas
    assert "FaultShown" in schemas
    assert "HTTPValidationError" not in schemas


def _referenced(node):
    if isinstance(node, dict):
        if "$ref" in node:
            yield node["$ref"].removeprefix("#/components/schemas/")
        for value in node.values():
            yield from _referenced(value)
    elif isinstance(node, list):
        for value in node:
            yield from _referenced(value)


def test_people_can_read_it(stranger):
    page = stranger.get("/docs")
    assert page.status_code == 200
    assert "/openapi.json" in page.text
