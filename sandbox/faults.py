"""Everything that can go wrong on the provider's side, as one table.

A fault says what it changes in a healthy call: when it answers, whether the images are billed, what is
painted, what stands in `data`, or how the answer leaves. Add one by adding a row to `FAULTS`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import orjson

from sandbox import delivery
from sandbox.contract import ImageRequest
from sandbox.delivery import HTML, Delivery
from sandbox.drawing import still_life
from sandbox.errors import IMAGE_USER_ERROR, ApiError, image_user_error
from sandbox.provenance import signed
from sandbox.refusals import REFUSALS, Refusal
from sandbox.retry_hint import duration, retry_headers

Data = list[dict[str, Any]]

_JUNK = "VGhpcyBpcyBub3QgYW4gaW1hZ2Uu"
_SORRY = (
    "The server had an error while processing your request. Sorry about that! Please contact us "
    "through our help center at help.openai.com if the error persists. (Please include the request "
    "ID {} in your message.)"
)
_BLOCKED = (
    "Your request was rejected by the safety system. If you believe this is an error, contact us at "
    "help.openai.com and include the request ID {}. safety_violations=[sexual]."
)


@dataclass(frozen=True, slots=True)
class Scene:
    """A call at the point where it is answered; `body` is empty if nothing was painted."""

    request_id: str
    path: str
    headers: Mapping[str, str]
    body: bytes = b""
    value: float | None = None

    def number(self, default: float) -> float:
        """The value that came with the fault, or the default."""
        return default if self.value is None else self.value


def _as_asked(request: ImageRequest) -> ImageRequest:
    return request


def _untouched(data: Data) -> Data:
    return data


def _complete(scene: Scene) -> Delivery:
    return delivery.whole(200, scene.body, scene.headers)


def _no_delay(_value: float | None) -> float:
    return 0.0


@dataclass(frozen=True, slots=True)
class Fault:
    """One way of answering; with nothing changed it is the healthy one.

    A fault `at_once` answers before any work; `paint` is what is drawn instead of what was asked; `linked`
    images hang in the gallery, and the answer has their URLs.
    """

    at_once: bool = False
    linked: bool = False
    billed: bool = True
    delay: Callable[[float | None], float] = _no_delay
    paint: Callable[[ImageRequest], ImageRequest] = _as_asked
    data: Callable[[Data], Data] = _untouched
    deliver: Callable[[Scene], Delivery] = _complete


HEALTHY = Fault()


def _error(make: Callable[[Scene], ApiError], *, at_once: bool) -> Fault:
    """A fault that is an error answer; nothing is billed for it."""

    def deliver(scene: Scene) -> Delivery:
        return delivery.refused(make(scene), scene.headers)

    return Fault(at_once=at_once, billed=False, deliver=deliver)


def _refusal(refusal: Refusal) -> Fault:
    """A fault that is an error body seen in the wild."""

    def deliver(scene: Scene) -> Delivery:
        return delivery.refused(refusal.error(), scene.headers)

    return Fault(at_once=not refusal.billed, billed=refusal.billed, deliver=deliver)


def _gateway(status: int, title: str, server: str) -> Fault:
    """A page of a gateway that gave up while the image was made."""
    page = (
        f"<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1>"
        f"</center>\r\n<hr><center>{server}</center>\r\n</body>\r\n</html>\r\n"
    ).encode()
    return Fault(deliver=lambda scene: delivery.whole(status, page, scene.headers, HTML))


def _rate_limit(scene: Scene) -> ApiError:
    wait = scene.number(1.0)
    return ApiError(
        429,
        "Rate limit reached for this model in organization org-sandbox on images per min (IPM): "
        f"Limit 5, Used 5, Requested 1. Please try again in {duration(wait)}.",
        kind="images",
        code="rate_limit_exceeded",
        headers=retry_headers(wait),
    )


def _stray_429(scene: Scene) -> ApiError:
    """A refusal that has nothing to do with any limit: it names none."""
    wait = scene.number(1.0)
    return ApiError(
        429,
        f"Rate limit reached. Please try again in {duration(wait)}.",
        kind="rate_limit_error",
        code="rate_limit_exceeded",
        headers=retry_headers(wait),
    )


def _slow_down(_scene: Scene) -> ApiError:
    return ApiError(
        429,
        "Your traffic increased too quickly. Slow down and ramp up gradually.",
        kind="rate_limit_error",
        code="slow_down",
    )


def _quota(_scene: Scene) -> ApiError:
    return ApiError(
        429,
        "You exceeded your current quota, please check your plan and billing details.",
        kind="insufficient_quota",
        code="insufficient_quota",
    )


def _billing_limit(_scene: Scene) -> ApiError:
    return ApiError(
        400,
        "Billing hard limit has been reached",
        kind=IMAGE_USER_ERROR,
        code="billing_hard_limit_reached",
    )


def wrong_key(_scene: Scene | None = None) -> ApiError:
    """The refusal of a key; the key itself is not repeated."""
    return ApiError(
        401,
        "Incorrect API key provided. You can find your API key at "
        "https://platform.openai.com/account/api-keys.",
        code="invalid_api_key",
    )


def _moderation(scene: Scene) -> ApiError:
    return ApiError(
        400,
        _BLOCKED.format(scene.request_id),
        kind=IMAGE_USER_ERROR,
        code="moderation_blocked",
        details={
            "moderation_details": {"moderation_stage": "input", "categories": ["sexual"]},
        },
    )


def _invalid_value(_scene: Scene) -> ApiError:
    return image_user_error("The requested image cannot be made by this model.", "prompt")


def _server_error(scene: Scene) -> ApiError:
    message = _SORRY.format(scene.request_id)
    return ApiError(500, message, kind="server_error", code="server_error")


def _image_failed(_scene: Scene) -> ApiError:
    return ApiError(
        500,
        "Image generation failed",
        kind="image_generation_server_error",
        code="image_generation_failed",
    )


def _overloaded(scene: Scene) -> ApiError:
    return ApiError(
        503,
        "The server does not have enough capacity to process your request. Please try again later.",
        kind="service_unavailable_error",
        code="server_is_overloaded",
        headers=retry_headers(scene.number(1.0)),
    )


def _redirect(scene: Scene) -> Delivery:
    return delivery.redirected(f"{scene.path}?redirected=1", scene.headers)


def _error_with_200(scene: Scene) -> Delivery:
    body = orjson.dumps(_image_failed(scene).envelope())
    return delivery.whole(200, body, scene.headers)


def _html_with_200(scene: Scene) -> Delivery:
    page = b"<!DOCTYPE html><html><body>Just a moment...</body></html>"
    return delivery.whole(200, page, scene.headers, HTML)


def _half_with_200(scene: Scene) -> Delivery:
    return delivery.whole(200, scene.body[: len(scene.body) // 2], scene.headers)


def _other_size(request: ImageRequest) -> ImageRequest:
    square = (request.width, request.height) == (1024, 1024)
    return replace(request, width=1536 if square else 1024, height=1024)


def _other_format(request: ImageRequest) -> ImageRequest:
    other = "jpeg" if request.output_format == "png" else "png"
    return replace(request, output_format=other)


def _one_less(request: ImageRequest) -> ImageRequest:
    return replace(request, n=request.n - 1)


def _one_broken(data: Data) -> Data:
    return [{"b64_json": _JUNK}, *data[1:]]


def _signed(data: Data) -> Data:
    return [{"b64_json": signed(entry["b64_json"])} for entry in data]


def _with(name: str, value: str) -> Callable[[Data], Data]:
    return lambda data: [{name: value} for _ in data]


FAULTS: dict[str, Fault] = {
    "rate_limit": _error(_rate_limit, at_once=True),
    "stray_429": _error(_stray_429, at_once=True),
    "slow_down": _error(_slow_down, at_once=True),
    "quota": _error(_quota, at_once=True),
    "billing_limit": _error(_billing_limit, at_once=True),
    "invalid_key": _error(wrong_key, at_once=True),
    "moderation": _error(_moderation, at_once=True),
    "invalid_value": _error(_invalid_value, at_once=True),
    "overloaded": _error(_overloaded, at_once=True),
    "redirect_307": Fault(at_once=True, billed=False, deliver=_redirect),
    "server_error": _error(_server_error, at_once=False),
    "image_failed": _error(_image_failed, at_once=False),
    "error_200": Fault(billed=False, deliver=_error_with_200),
    "bad_gateway": _gateway(502, "502 Bad Gateway", "nginx"),
    "gateway_timeout": _gateway(504, "504 Gateway Time-out", "nginx"),
    "cloudflare_520": _gateway(520, "520: Web server is returning an unknown error", "cloudflare"),
    "cloudflare_521": _gateway(521, "521: Web server is down", "cloudflare"),
    "cloudflare_522": _gateway(522, "522: Connection timed out", "cloudflare"),
    "cloudflare_523": _gateway(523, "523: Origin is unreachable", "cloudflare"),
    "cloudflare_524": _gateway(524, "524: A timeout occurred", "cloudflare"),
    "cut_before": Fault(deliver=lambda _scene: delivery.cut_before()),
    "cut_middle": Fault(deliver=lambda scene: delivery.cut_middle(scene.body, scene.headers)),
    "hang": Fault(deliver=lambda _scene: delivery.silence()),
    "trickle": Fault(
        deliver=lambda scene: delivery.dripping(scene.body, scene.headers, scene.number(3.0)),
    ),
    "extra_latency": Fault(delay=lambda value: 5.0 if value is None else value),
    "html_200": Fault(deliver=_html_with_200),
    "truncated_json": Fault(deliver=_half_with_200),
    "empty_data": Fault(data=lambda _data: []),
    "bad_base64": Fault(data=_with("b64_json", "%%% not base64 %%%")),
    "not_an_image": Fault(data=_with("b64_json", _JUNK)),
    "url_only": Fault(data=_with("url", "https://images.sandbox.invalid/expired.png")),
    "link": Fault(linked=True),
    "signed": Fault(data=_signed),
    "blank": Fault(data=lambda data: [{"b64_json": still_life(blank=True)} for _ in data]),
    "lookalike": Fault(data=lambda data: [{"b64_json": still_life()} for _ in data]),
    "wrong_size": Fault(paint=_other_size),
    "wrong_format": Fault(paint=_other_format),
    "missing_one": Fault(paint=_one_less),
    "one_broken": Fault(data=_one_broken),
    **{name: _refusal(refusal) for name, refusal in REFUSALS.items()},
}
