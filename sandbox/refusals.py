"""Error bodies as they were seen in the wild, by the name of the fault that brings them.

OpenAI's own, and those of relays of the one-api and new-api families, whose codes differ by fork.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from sandbox.errors import IMAGE_USER_ERROR, REQUEST_ERROR, ApiError

_NO_CREDIT = "insufficient_quota"
_RELAY = "new_api_error"
_UPSTREAM = "upstream_error"


@dataclass(frozen=True, slots=True)
class Refusal:
    """One error answer; `billed` where the image was made all the same, and only its way back was lost."""

    status: int
    message: str
    kind: str | None = REQUEST_ERROR
    code: str | None = None
    param: str | None = None
    billed: bool = False

    def error(self) -> ApiError:
        """The answer."""
        return ApiError(self.status, self.message, kind=self.kind, param=self.param, code=self.code)


REFUSALS: Mapping[str, Refusal] = MappingProxyType(
    {
        "billing_limit_403": Refusal(403, "Billing hard limit has been reached", code=None),
        "no_credit": Refusal(
            429, "Your credit balance is exhausted.", _NO_CREDIT, "credit_balance_exhausted"
        ),
        "organization_limit": Refusal(
            429, "Spend limit reached.", _NO_CREDIT, "organization_spend_limit_exceeded"
        ),
        "project_limit": Refusal(
            429, "Spend limit reached.", _NO_CREDIT, "project_spend_limit_exceeded"
        ),
        "usage_limit": Refusal(
            429, "Usage limit reached.", _NO_CREDIT, "organization_usage_limit_exceeded"
        ),
        "unverified": Refusal(
            403,
            "Your organization must be verified to use the model `gpt-image-2`. Please go to: "
            "https://platform.openai.com/settings/organization/general and click on Verify "
            "Organization. It can take up to 15 minutes for access to propagate.",
        ),
        "region": Refusal(
            403,
            "Country, region, or territory not supported",
            "request_forbidden",
            "unsupported_country_region_territory",
        ),
        "no_model": Refusal(
            404,
            "The model `gpt-image-9` does not exist or you do not have access to it.",
            code="model_not_found",
        ),
        "no_model_403": Refusal(
            403,
            "Project `proj_sandbox` does not have access to model `gpt-image-2`",
            code="model_not_found",
        ),
        "ip_refused": Refusal(401, "Your IP address is not authorized to use this API."),
        "unknown_parameter": Refusal(
            400, "Unknown parameter: 'thinking'.", code="unknown_parameter", param="thinking"
        ),
        "input_fidelity": Refusal(
            400,
            "input_fidelity is not supported for this model.",
            IMAGE_USER_ERROR,
            "invalid_input_fidelity_model",
            "input_fidelity",
        ),
        "transparent": Refusal(
            400,
            "Transparent background is not supported for this model.",
            IMAGE_USER_ERROR,
            "invalid_value",
            "background",
        ),
        "conflict": Refusal(409, "The resource is locked; try again."),
        "too_large": Refusal(413, "Request entity too large."),
        "policy_403": Refusal(
            403, "This request violates our policy.", code="content_policy_violation"
        ),
        "moderation_451": Refusal(451, "blocked", _UPSTREAM),
        "sensitive_words": Refusal(
            400, "sensitive words detected", _RELAY, "sensitive_words_detected"
        ),
        "input_images_limit": Refusal(
            429,
            "Rate limit reached for gpt-image-2 in organization org-sandbox on input-images per min: "
            "Limit 5, Used 5, Requested 1. Please try again in 12s.",
            "input-images",
            "rate_limit_exceeded",
        ),
        "rate_limit_in_words": Refusal(
            429,
            "You've exceeded the rate limit, please slow down and try again after 51.84 seconds.",
        ),
        "slow_down_503": Refusal(503, "Slow down.", "server_error", "slow_down"),
        "relay_no_channel": Refusal(
            503,
            "No available channel for model gpt-image-2 under group default",
            _RELAY,
            "model_not_found",
        ),
        "relay_4k": Refusal(500, "Upstream load is too high for 4K images"),
        "relay_quota": Refusal(
            403, "用户额度不足, 剩余额度: ＄0.00", _RELAY, "insufficient_user_quota"
        ),
        "relay_precharge": Refusal(403, "预扣费额度失败", _RELAY, "pre_consume_token_quota_failed"),
        "relay_token": Refusal(401, "无效的令牌", _RELAY, ""),
        "relay_denied": Refusal(403, "access denied", _RELAY, "access_denied"),
        "relay_channel": Refusal(500, "get channel failed", _RELAY, "get_channel_failed"),
        "relay_no_key": Refusal(500, "no available key", _RELAY, "channel:no_available_key"),
        "relay_no_auth": Refusal(503, "auth_unavailable: no auth available", "server_error"),
        "relay_busy": Refusal(
            429,
            "当前分组上游负载已饱和，请稍后再试",
            _UPSTREAM,
            "bad_response_status_code",
            "429",
        ),
        "relay_crowd": Refusal(
            429, "too many concurrent requests", _RELAY, "token_concurrency_limit_reached"
        ),
        "relay_concurrency": Refusal(429, "concurrency limit exceeded", "rate_limit_error"),
        "relay_request": Refusal(
            500, "do request failed", _RELAY, "do_request_failed", billed=True
        ),
        "relay_response": Refusal(500, "bad response", _RELAY, "bad_response", billed=True),
        "relay_body": Refusal(500, "bad response body", _RELAY, "bad_response_body", billed=True),
        "relay_empty": Refusal(500, "empty response", _RELAY, "empty_response", billed=True),
        "relay_500": Refusal(
            500,
            "bad response status code 500",
            _UPSTREAM,
            "bad_response_status_code",
            "500",
            billed=True,
        ),
        "relay_524": Refusal(
            524,
            "bad response status code 524",
            _UPSTREAM,
            "bad_response_status_code",
            "524",
            billed=True,
        ),
    }
)
"""What is said, word for word where a body was captured."""
