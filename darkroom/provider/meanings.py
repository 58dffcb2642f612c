"""The table of what an error answer means: read from the top, the first row that fits wins.

Its sections follow what can be trusted most: a code, then a type, then a status that leaves no doubt, alone or
with what the answer blames, then the words of the message, and last what is left: vague types, bare statuses.
Messages quote prompts and name pages of the provider's, so words are as narrow as what was seen allows.
https://developers.openai.com/api/docs/guides/image-generation calls the code "the stable discriminator".
"""

from collections.abc import Collection
from dataclasses import dataclass
from re import IGNORECASE, search

from darkroom.domain.failure import FailureClass, Reaction
from darkroom.provider.complaint import Complaint

_GATEWAY = (502, 504, *range(520, 528), 530)
_ERRORS = range(500, 600)


@dataclass(frozen=True, slots=True)
class Row:
    """One meaning; every condition that is set must hold.

    `name` is the failure's code where the provider gives none; `means` is our own sentence about it;
    `perhaps_billed` says that an image may have been made before it.
    """

    klass: FailureClass
    name: str
    means: str
    codes: Collection[str] = ()
    types: Collection[str] = ()
    statuses: Collection[int] = ()
    params: Collection[str] = ()
    blames: bool = False
    """The answer names the parameter that is at fault."""
    page: bool = False
    says: str = ""
    perhaps_billed: bool = False

    @property
    def reaction(self) -> Reaction:
        """What it asks of us."""
        return self.klass.reaction

    def fits(self, said: Complaint) -> bool:
        """Whether the complaint means this."""
        return (
            (not self.codes or said.code in self.codes)
            and (not self.types or said.type in self.types)
            and (not self.statuses or said.status in self.statuses)
            and (not self.params or said.param in self.params)
            and (not self.blames or said.blames)
            and (not self.page or said.page)
            and (not self.says or search(self.says, said.message, IGNORECASE) is not None)
        )


_QUOTA = "the provider's quota or balance is used up; top it up or raise the limit"
_REFUSED_KEY = "the provider refuses the key"
_NO_ACCESS = "the key has no access to this model, or there is none of this name"
_NO_MODEL = r"organization must be verified|(not have|no) access to (the )?model|model .{1,80} does not exist"
_TOO_FAST = "the provider says that calls come too fast"
_BUSY = "the provider has no capacity and did not take the request"
_BROKEN = "the provider tried and says that it failed"
_UNSAFE = "the safety system refused this prompt or its image"
_PARAMETERS = "the provider does not accept these parameters"
_RELAY = "the relay lost its upstream; the image may have been made and billed"
_GAVE_UP = "a gateway gave up waiting; the image may have been made and billed"

ROWS = (
    # error.code
    Row(
        FailureClass.OVERLOADED,
        "no_channel",
        # A relay's words for "no upstream is free", other than OpenAI's for the same code.
        _BUSY,
        codes={"model_not_found"},
        statuses={503},
    ),
    Row(
        FailureClass.KEY,
        "quota_exhausted",
        _QUOTA,
        codes={
            "billing_hard_limit_reached",
            "billing_not_active",
            "credit_balance_exhausted",
            "insufficient_quota",
            "insufficient_user_quota",
            "organization_spend_limit_exceeded",
            "organization_usage_limit_exceeded",
            "pre_consume_token_quota_failed",
            "project_spend_limit_exceeded",
        },
    ),
    Row(
        FailureClass.KEY,
        "key_refused",
        _REFUSED_KEY,
        codes={
            "access_denied",
            "account_deactivated",
            "invalid_api_key",
            "invalid_organization",
            "ip_not_authorized",
            "unsupported_country_region_territory",
        },
    ),
    Row(
        FailureClass.KEY,
        "model_not_found",
        _NO_ACCESS,
        codes={"model_not_found", "unsupported_model"},
    ),
    Row(
        FailureClass.MODERATION,
        "moderation_blocked",
        _UNSAFE,
        codes={
            "content_filter",
            "content_policy_violation",
            "moderation_blocked",
            "prompt_blocked",
            "sensitive_words_detected",
        },
    ),
    Row(
        FailureClass.RATE_LIMITED,
        "rate_limit_exceeded",
        _TOO_FAST,
        codes={
            "rate_limit_exceeded",
            "slow_down",
            "token_concurrency_limit_reached",
            "too_many_requests",
        },
    ),
    Row(
        FailureClass.OVERLOADED,
        "overloaded",
        _BUSY,
        codes={
            "auth_unavailable",
            "channel:no_available_key",
            "get_channel_failed",
            "server_is_overloaded",
        },
    ),
    Row(
        FailureClass.SERVER_ERROR,
        "image_generation_failed",
        _BROKEN,
        codes={"image_generation_failed"},
        perhaps_billed=True,
    ),
    Row(
        FailureClass.UNKNOWN_OUTCOME,
        "relay_lost_upstream",
        # Its request had left it. Some of these relays give the quota back, some forks do not.
        _RELAY,
        codes={"bad_response", "bad_response_body", "do_request_failed", "empty_response"},
    ),
    Row(
        FailureClass.UNKNOWN_OUTCOME,
        "relay_lost_upstream",
        # What a gateway behind the relay said in no form that can be read.
        _RELAY,
        codes={"bad_response_status_code"},
        statuses=_ERRORS,
    ),
    Row(
        FailureClass.INVALID_REQUEST,
        "invalid_request",
        _PARAMETERS,
        codes={
            "array_above_max_length",
            "integer_above_max_value",
            "integer_below_min_value",
            "invalid_image",
            "invalid_image_format",
            "invalid_input_fidelity_model",
            "invalid_type",
            "invalid_value",
            "missing_required_parameter",
            "string_above_max_length",
            "unknown_parameter",
            "unsupported_parameter",
            "unsupported_value",
        },
    ),
    # error.type
    Row(FailureClass.KEY, "quota_exhausted", _QUOTA, types={"insufficient_quota"}),
    Row(FailureClass.KEY, "key_refused", _REFUSED_KEY, types={"authentication_error"}),
    Row(FailureClass.MODERATION, "moderation_blocked", _UNSAFE, types={"content_policy_violation"}),
    Row(
        FailureClass.OVERLOADED,
        "overloaded",
        _BUSY,
        types={"overloaded_error", "service_unavailable_error"},
    ),
    # A status that leaves no doubt. A gateway's outweighs a body's vague `server_error`: money may be gone.
    Row(FailureClass.UNKNOWN_OUTCOME, "gateway_gave_up", _GAVE_UP, statuses=_GATEWAY),
    Row(FailureClass.UNKNOWN_OUTCOME, "gateway_page", _GAVE_UP, statuses=_ERRORS, page=True),
    Row(FailureClass.UNKNOWN_OUTCOME, "request_timeout", _GAVE_UP, statuses={408, 499}),
    Row(FailureClass.KEY, "key_refused", _REFUSED_KEY, statuses={401}),
    Row(FailureClass.KEY, "quota_exhausted", _QUOTA, statuses={402}),
    Row(
        FailureClass.KEY,
        "not_found",
        "the provider knows no such address or model; look at its base URL",
        statuses={404, 405},
    ),
    Row(
        FailureClass.KEY,
        "redirected",
        "the provider points to another address; set its base URL to that one",
        statuses=range(300, 400),
    ),
    Row(
        FailureClass.UNREACHABLE,
        "proxy_refused",
        "the proxy on the way wants credentials; write them into HTTPS_PROXY",
        statuses={407},
    ),
    Row(FailureClass.OVERLOADED, "conflict", _BUSY, statuses={409, 425}),
    Row(
        FailureClass.INVALID_REQUEST,
        "request_too_large",
        "the request is too large for the provider or a gateway before it",
        statuses={413, 414, 431},
    ),
    Row(FailureClass.MODERATION, "moderation_blocked", _UNSAFE, statuses={451}),
    Row(
        FailureClass.RATE_LIMITED,
        "rate_limit_exceeded",
        # It goes on with where to pay for more, which is no sign of an empty account.
        _TOO_FAST,
        statuses={429},
        says=r"rate limit (reached|exceeded)|exceeded the rate limit|try again (in|after) \d",
    ),
    Row(
        FailureClass.KEY,
        "no_access",
        _NO_ACCESS,
        statuses={400},
        params={"model"},
        says=_NO_MODEL,
    ),
    Row(
        FailureClass.MODERATION,
        "moderation_blocked",
        _UNSAFE,
        statuses={400},
        says=r"rejected (by|as a result of) (the|our) safety system|safety_violations=",
    ),
    Row(
        FailureClass.INVALID_REQUEST,
        "invalid_request",
        _PARAMETERS,
        statuses={400, 422},
        blames=True,
    ),
    # What the message says, where code, type and status leave it open.
    Row(
        FailureClass.MODERATION,
        "moderation_blocked",
        _UNSAFE,
        says=r"safety system|safety_violations|content[_ ]policy|敏感词|违规",
    ),
    Row(
        FailureClass.KEY,
        "quota_exhausted",
        _QUOTA,
        says=r"billing (hard |soft )?limit|check your plan and billing|billing .{0,20}not active"
        r"|exceeded your current quota|credit balance"
        r"|insufficient (user )?(quota|balance|credit)|(额度|余额)(不足|已用尽)",
    ),
    Row(
        FailureClass.KEY,
        "no_access",
        _NO_ACCESS,
        says=_NO_MODEL + r"|country, region,? or territory not supported",
    ),
    Row(FailureClass.KEY, "key_refused", _REFUSED_KEY, says=r"(incorrect|invalid) api key|令牌"),
    Row(
        FailureClass.RATE_LIMITED,
        "rate_limit_exceeded",
        _TOO_FAST,
        says=r"rate.?limit|too many requests|slow down|concurren\w+ .{0,40}(limit|exceed|reach)"
        r"|负载已饱和|并发|过于频繁",
    ),
    Row(
        FailureClass.UNKNOWN_OUTCOME,
        "gateway_gave_up",
        _GAVE_UP,
        says=r"upstream (connect error|request timeout|timed out)|disconnect/reset|stream timeout",
    ),
    Row(
        FailureClass.OVERLOADED,
        "overloaded",
        _BUSY,
        says=r"overloaded|enough capacity|no (available|auth)|无可用渠道",
    ),
    # What is left: types that say little, and statuses alone.
    Row(
        FailureClass.UNKNOWN_OUTCOME,
        "relay_lost_upstream",
        # One writes its own errors under its own type, with codes that each of its forks adds to.
        _RELAY,
        types={"new_api_error", "upstream_error"},
        statuses=_ERRORS,
    ),
    Row(FailureClass.RATE_LIMITED, "rate_limit_exceeded", _TOO_FAST, types={"rate_limit_error"}),
    Row(
        FailureClass.SERVER_ERROR,
        "server_error",
        _BROKEN,
        types={"server_error", "image_generation_server_error"},
        perhaps_billed=True,
    ),
    Row(FailureClass.KEY, "access_denied", "the provider denies access", statuses={403}),
    Row(FailureClass.RATE_LIMITED, "rate_limit_exceeded", _TOO_FAST, statuses={429}),
    Row(FailureClass.SERVER_ERROR, "server_error", _BROKEN, statuses={500}, perhaps_billed=True),
    Row(FailureClass.OVERLOADED, "overloaded", _BUSY, statuses={503, 529}),
    Row(FailureClass.INVALID_REQUEST, "invalid_request", _PARAMETERS, statuses=range(400, 500)),
    Row(FailureClass.UNKNOWN_OUTCOME, "unusable_answer", "the provider's answer is of no use"),
)
