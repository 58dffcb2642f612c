"""How often a key may ask: of a server of its own, where that is not often."""

import openai
import pytest
from desk import Desk, admitted, assert_problem, serving

from api.throttle import Throttle

PER_MINUTE = 5
BATCHES = "/api/v1/batches"


@pytest.fixture(scope="module")
def strict(desk, tmp_path_factory):
    """Another process of the API on the same database."""
    folder = tmp_path_factory.mktemp("strict")
    environment = {
        "DARKROOM_DATABASE_URL": desk.engine.url.render_as_string(hide_password=False),
        "DARKROOM_API_REQUESTS_PER_MINUTE": str(PER_MINUTE),
    }
    with serving(folder, **environment) as (address, process):
        yield Desk(address, process, desk.engine, desk.blobs, folder)


@pytest.fixture
def key(strict, new_project):
    return admitted(strict, new_project().id, "submit")


def test_a_key_that_asks_too_often_is_told_when_to_come_back(strict, key, project):
    with strict.client(Authorization=f"Bearer {key}") as client:
        answers = [client.get(BATCHES) for _ in range(PER_MINUTE)]
        assert [answer.status_code for answer in answers] == [200] * PER_MINUTE
        left = [answer.headers["ratelimit"].split(";")[1] for answer in answers]
        assert left == ["r=4", "r=3", "r=2", "r=1", "r=0"]
        assert answers[0].headers["ratelimit-policy"] == '"requests";q=5;w=60'
        refused = client.get(BATCHES)
        assert_problem(refused, 429, "rate_limit_exceeded")
        wait = int(refused.headers["retry-after"])
        assert 1 <= wait <= 60 // PER_MINUTE
        assert refused.headers["ratelimit"] == f'"requests";r=0;t={wait}'
        assert client.post(BATCHES, content=b"not even read").status_code == 429
        other = admitted(strict, project.id, "submit")
        assert client.get(BATCHES, headers={"Authorization": f"Bearer {other}"}).status_code == 200
        assert client.get("/livez").status_code == 200


def test_openai_s_client_reads_it_as_a_rate_limit(strict, key):
    with openai.OpenAI(base_url=f"{strict.url}/v1", api_key=key, max_retries=0) as client:
        answers = [client.models.with_raw_response.list() for _ in range(PER_MINUTE)]
        assert answers[0].headers["x-ratelimit-limit-requests"] == str(PER_MINUTE)
        assert answers[-1].headers["x-ratelimit-remaining-requests"] == "0"
        with pytest.raises(openai.RateLimitError) as caught:
            client.models.list()
    assert caught.value.code == "rate_limit_exceeded"
    assert caught.value.response.headers["x-ratelimit-reset-requests"].endswith("s")
    assert float(caught.value.response.headers["retry-after"]) <= 60 / PER_MINUTE


def test_what_has_run_dry_comes_back_evenly():
    now = [0.0]
    throttle = Throttle(60, clock=lambda: now[0])
    assert not any(throttle.take("a").refused for _ in range(60))
    assert throttle.take("a").refused
    now[0] = 2.5
    assert [throttle.take("a").refused for _ in range(3)] == [False, False, True]
    assert throttle.take("a").seconds == pytest.approx(0.5)
    now[0] = 1000.0
    assert throttle.take("a").remaining == 59
    assert Throttle(0).take("a") is None
