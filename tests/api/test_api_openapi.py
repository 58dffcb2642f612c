"""The OpenAPI document says what the server does."""

import re

import pytest
from routes import document, native_routes
from world import ROOT

from api.errors import Problem
from api.native.bodies import BatchIn, KeyIn, PauseIn, ResumeIn, RetryIn, RotationIn, SettleIn
from api.native.catalog_views import (
    DifferenceOut,
    ItemPage,
    NightIn,
    NightOut,
    VersionOut,
    VersionPage,
)
from api.native.estimates import DryRunOut, EstimateIn, EstimateOut
from api.native.gc import FreedOut, GcIn
from api.native.images import ImageLinkIn, ImageLinkOut
from api.native.keys import KeyMade, KeyPage
from api.native.projects import ProjectPage
from api.native.providers import ProviderOut, ProviderPage
from api.native.reports import NightReportOut, ReportOut
from api.native.reviews import OfferOut, PromoteIn, ReviewIn, ReviewOut, TargetIn
from api.native.schedules import PushIn, ScheduleIn, ScheduleOut, SchedulePage
from api.native.settlements import SettledOut, SettlementPage
from api.native.usage import UsagePage
from api.native.views import BatchOut, BatchPage, FileOut, FilePage, JobDetail, JobPage, ProblemPage
from api.native.webhooks import DeliveryPage, WebhookMade, WebhookOut, WebhookPage
from api.web.door import LinkOut

PROBLEM = {"$ref": "#/components/schemas/Problem"}

CONTRACT = {
    "POST /api/v1/gc",
    "POST /api/v1/webhooks",
    "GET /api/v1/webhooks",
    "DELETE /api/v1/webhooks/{webhook_id}",
    "GET /api/v1/webhooks/{webhook_id}/deliveries",
    "POST /api/v1/webhooks/{webhook_id}/deliveries/{delivery_id}/redeliver",
    "GET /api/v1/files",
    "POST /api/v1/files",
    "POST /api/v1/batches",
    "POST /api/v1/batches/dry-run",
    "GET /api/v1/batches",
    "GET /api/v1/batches/{batch_id}",
    "GET /api/v1/batches/{batch_id}/events",
    "GET /api/v1/batches/{batch_id}/jobs",
    "GET /api/v1/batches/{batch_id}/problems",
    "GET /api/v1/jobs/{job_id}",
    "GET /api/v1/images/{image_id}",
    "GET /api/v1/images/{image_id}/thumbnail",
    "POST /api/v1/images/{image_id}/links",
    "POST /api/v1/batches/{batch_id}/pause",
    "POST /api/v1/batches/{batch_id}/priority",
    "POST /api/v1/batches/{batch_id}/resume",
    "POST /api/v1/batches/{batch_id}/cancel",
    "POST /api/v1/batches/{batch_id}/retry",
    "POST /api/v1/batches/{batch_id}/settle",
    "GET /api/v1/batches/{batch_id}/settlements",
    "POST /api/v1/batches/{batch_id}/reviews",
    "GET /api/v1/batches/{batch_id}/archive",
    "POST /api/v1/batches/{batch_id}/promote",
    "POST /api/v1/batches/{batch_id}/promote/estimate",
    "POST /api/v1/catalogs/{name}/diff",
    "POST /api/v1/catalogs/{name}/nights",
    "GET /api/v1/catalogs/{name}/versions",
    "GET /api/v1/catalogs/{name}/versions/{version}",
    "GET /api/v1/catalogs/{name}/versions/{version}/items",
    "POST /api/v1/catalogs/{name}/versions/{version}/publish",
    "GET /api/v1/schedules",
    "GET /api/v1/batches/{batch_id}/report",
    "GET /api/v1/catalogs/{name}/report",
    "PUT /api/v1/catalogs/{name}/schedule",
    "DELETE /api/v1/catalogs/{name}/schedule",
    "PUT /api/v1/catalogs/{name}/plan",
    "POST /api/v1/logins",
    "GET /api/v1/attempts/{attempt_id}/answer",
    "POST /api/v1/estimates",
    "GET /api/v1/usage",
    "GET /api/v1/keys",
    "GET /api/v1/projects",
    "GET /api/v1/providers",
    "POST /api/v1/providers/{name}/forget",
    "POST /api/v1/keys",
    "DELETE /api/v1/keys/{key_id}",
    "POST /api/v1/keys/{key_id}/rotate",
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


@pytest.mark.parametrize("route", [one for one in native_routes() if one.method == "POST"], ids=str)
def test_whatever_makes_something_names_the_key_under_which_it_is_made_once(route):
    assert "Idempotency-Key" in [one["name"] for one in route.operation["parameters"]]
    assert {"400", "408", "409", "413", "422"} <= route.operation["responses"].keys()


def test_what_is_made_leads_to_all_that_can_be_done_with_it():
    made = document()["paths"]["/api/v1/batches"]["post"]["responses"]["202"]["links"]
    parameters = {"batch_id": "$response.body#/id"}
    assert made["pauseBatch"] == {"operationId": "pauseBatch", "parameters": parameters}
    on_it = [one for one in native_routes() if one.path.startswith("/api/v1/batches/{batch_id}")]
    assert made.keys() == {one.operation["operationId"] for one in on_it}


NO_LISTS = {"getUsage", "findFile"}
"""Sums, which say over which time they are and come a thousand at once, and one thing that is looked for."""

LISTS = [
    route
    for route in native_routes()
    if "Page" in str(route.operation["responses"].get("200", {}).get("content"))
    and route.operation["operationId"] not in NO_LISTS
]


@pytest.mark.parametrize("route", LISTS, ids=str)
def test_every_list_is_paged_alike(route):
    asked = {one["name"]: one["schema"] for one in route.operation["parameters"]}
    assert asked["limit"]["default"] == 100
    assert asked["after"]["anyOf"] == [{"type": "string"}, {"type": "null"}]
    schema = route.operation["responses"]["200"]["content"]["application/json"]["schema"]
    page = document()["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    assert page["properties"].keys() == {"data", "has_more", "next"}


def test_whatever_shows_several_is_a_list():
    """Else a new one might be none of these."""
    schemas = document()["components"]["schemas"]
    shown = {name for name, schema in schemas.items() if "data" in schema.get("properties", {})}
    native = {name for name in shown if not name.endswith(("List", "Usage"))}
    assert all(name.endswith("Page") for name in native)


def test_every_reference_leads_somewhere(stranger):
    served = stranger.get("/openapi.json").json()
    assert served == document()
    schemas = served["components"]["schemas"]
    for kind, name in _referenced(served):
        assert name in served["components"][kind]
    assert "FaultShown" in schemas
    assert "HTTPValidationError" not in schemas


def _referenced(node):
    if isinstance(node, dict):
        if "$ref" in node:
            yield node["$ref"].removeprefix("#/components/").split("/")
        for value in node.values():
            yield from _referenced(value)
    elif isinstance(node, list):
        for value in node:
            yield from _referenced(value)


OPERATIONS = {
    "collectGarbage",
    "createWebhook",
    "listWebhooks",
    "deleteWebhook",
    "listDeliveries",
    "redeliver",
    "uploadFile",
    "findFile",
    "estimate",
    "getUsage",
    "getAnswer",
    "submitBatch",
    "dryRun",
    "listProjects",
    "listBatches",
    "getBatch",
    "listBatchProblems",
    "listJobs",
    "pauseBatch",
    "resumeBatch",
    "cancelBatch",
    "reprioritiseBatch",
    "retryBatch",
    "settleBatch",
    "listSettlements",
    "reviewBatch",
    "getArchive",
    "promoteBatch",
    "estimatePromotion",
    "getJob",
    "getImage",
    "getThumbnail",
    "linkImage",
    "listKeys",
    "createKey",
    "revokeKey",
    "rotateKey",
    "followBatch",
    "listProviders",
    "forgetLimits",
    "createLogin",
    "diffCatalog",
    "beginNight",
    "deleteSchedule",
    "listSchedules",
    "pushPlan",
    "putSchedule",
    "reportBatch",
    "reportNight",
    "listVersions",
    "getVersion",
    "publishVersion",
    "listItems",
}


def test_operations_have_names_that_clients_can_be_made_of():
    assert {route.operation["operationId"] for route in native_routes()} == OPERATIONS


@pytest.mark.parametrize("route", native_routes(), ids=str)
def test_every_route_is_summed_up_and_described(route):
    assert len(route.operation["summary"].split()) >= 2
    assert route.operation["description"].endswith(".")


BODIES = [
    NightIn,
    BatchIn,
    EstimateIn,
    PauseIn,
    ResumeIn,
    RetryIn,
    SettleIn,
    KeyIn,
    GcIn,
    ReviewIn,
    TargetIn,
    PromoteIn,
    PushIn,
    ScheduleIn,
    RotationIn,
    ImageLinkIn,
]
ANSWERS = [
    FreedOut,
    ReviewOut,
    OfferOut,
    ImageLinkOut,
    DryRunOut,
    ProjectPage,
    DifferenceOut,
    NightOut,
    NightReportOut,
    ReportOut,
    ScheduleOut,
    SchedulePage,
    VersionOut,
    VersionPage,
    ItemPage,
    LinkOut,
    ProviderOut,
    ProviderPage,
    FileOut,
    FilePage,
    BatchOut,
    BatchPage,
    ProblemPage,
    JobPage,
    JobDetail,
    KeyPage,
    KeyMade,
    SettledOut,
    SettlementPage,
    EstimateOut,
    UsagePage,
    WebhookMade,
    WebhookOut,
    WebhookPage,
    DeliveryPage,
    Problem,
]


@pytest.mark.parametrize("model", [*BODIES, *ANSWERS], ids=lambda model: model.__name__)
def test_every_body_comes_with_an_example_that_is_one(model):
    assert document()["components"]["schemas"][model.__name__]["examples"]
    [example] = model.model_json_schema()["examples"]
    model.model_validate(example)
    if model in ANSWERS:
        shown = model.model_validate(example).model_dump(mode="json")
        assert example.keys() <= shown.keys()


@pytest.mark.parametrize("route", native_routes(), ids=str)
def test_every_body_of_a_route_is_one_of_these(route):
    named = {model.__name__ for model in [*BODIES, *ANSWERS]}
    answers = [
        route.operation["responses"][status]
        for status in ("200", "201", "202")
        if status in route.operation["responses"]
    ]
    for answer in answers:
        schema = answer.get("content", {}).get("application/json", {}).get("schema", {})
        assert "$ref" not in schema or schema["$ref"].rpartition("/")[2] in named


def test_people_can_read_it_and_their_browser_asks_nobody_else(stranger):
    page = stranger.get("/docs")
    assert page.status_code == 200
    assert "/openapi.json" in page.text
    assert "://" not in page.text
    policy = page.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self';")
    assert "http" not in policy
    for link in re.findall(r'src="([^"]+)"', page.text):
        script = stranger.get(link)
        assert script.status_code == 200
        assert script.headers["content-type"].startswith("text/javascript")
        assert "sourceMappingURL" not in script.text


def test_the_script_s_licence_stands_beside_it():
    static = ROOT / "api" / "docs" / "static"
    for script in static.glob("*.js"):
        assert "Permission is hereby granted" in script.with_suffix(".LICENSE.txt").read_text()
