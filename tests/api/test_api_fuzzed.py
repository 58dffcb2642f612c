"""Whatever is sent, either dialect answers as its document says: schemathesis asks, by the document alone.

https://schemathesis.readthedocs.io
"""

from copy import deepcopy
from functools import cache

import pytest
import schemathesis
from gallery import picture
from hypothesis import HealthCheck, Phase, given, settings
from routes import document
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS, load_all_checks

from darkroom.domain.failure import FailureClass

PROMISES = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "allow_header_conformance",
)
DIALECTS = ("/v1/", "/api/v1/")
UNWALKED = ["followBatch", "revokeKey", "rotateKey"]
"""The first is listened to until its batch has ended; after the others a walk may have shut itself out."""

BOUNDED = settings(max_examples=4, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
OPERATIONS = [
    f"{method.upper()} {path}"
    for path, methods in document()["paths"].items()
    for method in methods
    if path.startswith(DIALECTS)
]


@cache
def schema():
    load_all_checks()
    return schemathesis.openapi.from_dict(deepcopy(document())).include(path_regex="^/(api/)?v1/")


@cache
def operations():
    return {one.label: one for one in (found.ok() for found in schema().get_all_operations())}


@cache
def promised():
    return [CHECKS.get_one(name) for name in PROMISES]


@pytest.fixture(scope="module")
def sent(module_project):
    """The headers of every request, of a project that has something to show; there nobody draws."""
    project = module_project()
    project.make.completed(picture(), FailureClass.SERVER_ERROR, FailureClass.UNKNOWN_OUTCOME)
    key = project.clients["admin"].headers["authorization"]
    return {"Authorization": key, "Prefer": "respond-async"}


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize("label", OPERATIONS)
def test_every_answer_is_documented(desk, sent, label, mode):
    @BOUNDED
    @given(case=operations()[label].as_strategy(mode))
    def ask(case):
        case.call_and_validate(desk.url, headers=sent, checks=promised())

    ask()


def test_whatever_is_done_with_what_an_answer_names_is_documented(desk, sent):
    walked = schema().exclude(operation_id=UNWALKED)

    class Walk(walked.as_state_machine()):
        def get_call_kwargs(self, case):  # noqa: ARG002
            return {"base_url": desk.url, "headers": sent}

        def validate_response(self, response, case, additional_checks=None, **kwargs):  # noqa: ARG002
            case.validate_response(response, checks=promised(), transport_kwargs=kwargs)

    Walk.run(settings=settings(BOUNDED, max_examples=12, stateful_step_count=6))
