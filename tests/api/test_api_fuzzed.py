"""Whatever the document allows, and much that it does not, sent to both dialects: every answer is one that it names."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from desk import admitted

SECONDS = 14
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "use_after_free",
    "ignored_auth",
)
"""A strange body may be good or bad: what is refused is judged by its answer alone."""

ENDLESS = "/events$"
"""A stream ends when its batch does."""

PHASES = {
    "coverage,fuzzing": r"Test cases:\n +(\d+) generated",
    "stateful": r"API Links: +(\d+) covered",
}
"""What each must have done at least once, as it says itself."""


@pytest.mark.timeout(240)
@pytest.mark.parametrize("phases", PHASES)
@pytest.mark.parametrize("dialect", ["/api/v1/", "/v1/"])
def test_no_answer_is_a_surprise(desk, new_project, tmp_path, dialect, phases):
    config = tmp_path / "schemathesis.toml"
    secret = admitted(desk, new_project().id, "admin")
    config.write_text(f'headers = {{ Authorization = "Bearer {secret}" }}\n')
    argv = [
        *(Path(sys.executable).parent / "schemathesis", "--config-file", str(config), "run"),
        f"{desk.url}/openapi.json",
        *("--include-path-regex", f"^{dialect}", "--exclude-path-regex", ENDLESS),
        *("--phases", phases, "--max-time", str(SECONDS), "--max-examples", "20", "--seed", "1"),
        *("--checks", ",".join(CHECKS), "--request-timeout", "20", "--no-shrink", "--no-color"),
        *("--suppress-health-check", "all", "--continue-on-failure", "--warnings", "off"),
        *("--generation-database", "none"),
    ]
    done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, check=False)
    said = done.stdout[-8000:] + done.stderr[-2000:]
    assert done.returncode == 0, said
    assert int(re.search(PHASES[phases], done.stdout)[1]) > 0, said
