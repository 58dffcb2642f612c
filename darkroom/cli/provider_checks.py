"""Whether a provider would draw: its address, its key, its models, its clock; nothing is spent."""

import socket
import ssl
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from urllib.parse import urlsplit

import httpx2

from darkroom.cli.finding import Finding, fail, ok, warn
from darkroom.domain.facts import OFFICIAL, Profile
from darkroom.domain.models import Models
from darkroom.domain.suggestion import nearest_model
from darkroom.sections import Source

CLOCK_MAY_DIFFER = timedelta(seconds=30)
SOON = timedelta(days=30)
"""How long before a model's end one is warned."""

_SECONDS = 10.0
_GATEWAY = "cf-ray"
"""The header by which Cloudflare is known; it gives up on an origin after 100 s, as error 524.
https://developers.cloudflare.com/support/troubleshooting/http-status-codes/cloudflare-5xx-errors/error-524/"""


@dataclass(frozen=True, slots=True)
class Patient:
    """A provider to be looked at: what is set for it, what kind it is, and how its lines are labelled."""

    source: Source
    profile: Profile
    cuts: Mapping[str, str]
    """Hosts that are known to cut calls, with the one to use instead."""
    label: str = ""

    def what(self, name: str) -> str:
        """How a line about it begins."""
        return f"{self.label} {name}".strip()

    @property
    def host(self) -> str:
        return urlsplit(self.source.base_url).hostname or ""

    @property
    def place(self) -> str:
        """Where it is, with the port that was set, as a person would write it."""
        return urlsplit(self.source.base_url).netloc.rpartition("@")[2]


def provider_findings(patient: Patient, model: str | None) -> Iterator[Finding]:
    """Everything that can be told about a provider by asking which models it has."""
    yield from _patience(patient)
    try:
        answer = _models_answer(patient.source.base_url, patient)
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        yield fail(patient.what("provider"), _unreachable(patient, error))
        return
    yield from _address(patient, answer)
    yield _clock(patient, answer)
    yield from _key_and_models(patient, answer, model)


def _models_answer(base_url: str, patient: Patient) -> httpx2.Response:
    key = patient.source.key.get_secret_value()
    headers = {"Authorization": f"Bearer {key}"}
    return httpx2.get(f"{base_url.rstrip('/')}/models", headers=headers, timeout=_SECONDS)


def _unreachable(patient: Patient, error: Exception) -> str:
    for one in _causes(error):
        if isinstance(one, socket.gaierror):
            fix = "correct the base URL, or the DNS of this machine"
            return f"the name {patient.host} is not known; {fix}"
        if isinstance(one, ssl.SSLCertVerificationError):
            fix = "write the name that it is for, or trust who signed it (SSL_CERT_FILE)"
            why = one.verify_message.rstrip(".")
            return f"{patient.place} shows a certificate of no use here ({why}); {fix}"
        if isinstance(one, ssl.SSLError):
            fix = "correct the port, or write http:// where there is no encryption"
            return f"{patient.place} does not speak TLS as we do ({one.reason or one}); {fix}"
    reason = " ".join(str(error).split()) or type(error).__name__
    return (
        f"{patient.place} cannot be reached ({reason}); check base URL, network, proxy and firewall"
    )


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """The error, and what led to it."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _patience(patient: Patient) -> Iterator[Finding]:
    """Whether calls are given the time that this kind of provider needs, on a way that leaves it to them."""
    needed, given = patient.profile.least_timeout, patient.source.request_timeout
    if given < needed:
        kind = patient.profile.name
        says = f"calls are given {given:.0f} s, {kind} needs {needed:.0f}; raise request_timeout"
        yield warn(patient.what("timeout"), says)
    if better := patient.cuts.get(patient.host):
        says = (
            f"{patient.host} cuts calls after 100 s, and they are billed all the same; use {better}"
        )
        yield fail(patient.what("relay"), says)


def _address(patient: Patient, answer: httpx2.Response) -> Iterator[Finding]:
    if answer.is_redirect:
        there = _base_of(answer)
        says = (
            f"{patient.place} sends us on to {there}: no call goes after it; make that the base URL"
        )
        yield fail(patient.what("provider"), says)
        return
    shown = f"{patient.place}{urlsplit(patient.source.base_url).path}"
    versioned = urlsplit(patient.source.base_url).path.rstrip("/").endswith("/v1")
    if not versioned and _is_elsewhere(answer):
        says = f"the base URL {shown} does not end in /v1, and there is no API there; write …{shown}/v1"
        yield fail(patient.what("provider"), says.replace("//v1", "/v1"))
        return
    yield ok(patient.what("provider"), f"{shown} answers")
    cut_already = patient.host in patient.cuts
    if _GATEWAY in answer.headers and patient.profile.name != OFFICIAL and not cut_already:
        says = f"{patient.host} is behind Cloudflare, which cuts calls after 100 s; ask it for another host"
        yield warn(patient.what("relay"), says)


def _base_of(answer: httpx2.Response) -> str:
    """The base URL that a redirect points to, without what a query may hold."""
    there = answer.url.join(answer.headers.get("location", ""))
    return str(there.copy_with(query=None, fragment=None)).removesuffix("/models")


def _is_elsewhere(answer: httpx2.Response) -> bool:
    """Whether nothing is at this address, or something else: relays show their pages to whoever asks."""
    if answer.status_code == HTTPStatus.OK:
        return _listed(answer) is None
    return answer.status_code == HTTPStatus.NOT_FOUND


def _clock(patient: Patient, answer: httpx2.Response) -> Finding:
    """A clock that is wrong breaks TLS and signatures."""
    try:
        theirs = _moment(answer.headers["date"])
    except (KeyError, ValueError):
        return warn(patient.what("clock"), "the provider says no time; it was not compared")
    return clock_finding(patient.what("clock"), "provider's", theirs)


def _moment(date_header: str) -> datetime:
    """When an answer was given; without a zone it is in UTC, as HTTP has it (RFC 9110, 5.6.7).

    >>> _moment("Fri, 27 Nov 2026 19:00:00 -0000").isoformat()
    '2026-11-27T19:00:00+00:00'
    """
    said = parsedate_to_datetime(date_header)
    return said if said.tzinfo else said.replace(tzinfo=UTC)


def clock_finding(what: str, whose: str, theirs: datetime) -> Finding:
    """Our clock compared with another's."""
    off = abs(datetime.now(UTC) - theirs)
    if off > CLOCK_MAY_DIFFER:
        says = f"this clock differs from the {whose} by {off.total_seconds():.0f} s; set it (NTP)"
        return fail(what, says)
    return ok(what, f"agrees with the {whose}")


def _key_and_models(
    patient: Patient, answer: httpx2.Response, model: str | None
) -> Iterator[Finding]:
    if answer.is_redirect:
        return
    match answer.status_code:
        case HTTPStatus.OK:
            yield from _served(patient, answer, model)
        case HTTPStatus.UNAUTHORIZED | HTTPStatus.FORBIDDEN:
            says = (
                f"the provider refuses it (status {answer.status_code}); correct it, or its rights"
            )
            yield fail(patient.what("key"), says)
        case HTTPStatus.NOT_FOUND | HTTPStatus.METHOD_NOT_ALLOWED:
            says = "cannot be tried without spending: the provider lists no models"
            yield warn(patient.what("key"), says)
        case status:
            says = f"the provider answered with status {status}; ask again later"
            yield warn(patient.what("key"), says)


def _served(patient: Patient, answer: httpx2.Response, model: str | None) -> Iterator[Finding]:
    served = _listed(answer)
    if served is None:
        says = "cannot be told: the provider's list of models cannot be read; look at the base URL"
        yield warn(patient.what("key"), says)
        return
    yield ok(patient.what("key"), "the provider takes it")
    wanted = model or patient.profile.models.default
    if wanted in served:
        yield ok(patient.what("model"), f"{wanted} is served")
    else:
        ours = sorted(served.keys() & patient.profile.models.known.keys())
        fix = f"choose {', '.join(ours)}" if ours else "nor is any that we know: check the base URL"
        yield fail(patient.what("model"), f"{wanted} is not served here; {fix}")
    yield from _endings(patient, served)


def _endings(patient: Patient, served: Mapping[str, date | None]) -> Iterator[Finding]:
    """Models whose end the provider tells, and the model facts do not, or not so: rows would not be warned."""
    known = patient.profile.models.known
    staying = [name for name in sorted(served.keys() & known.keys()) if served[name] is None]
    others = f"one of {', '.join(staying)}" if staying else "what the provider names in its place"
    for name in sorted(served.keys() & known.keys()):
        end, model = served[name], known[name]
        if end is None or end == model.shutdown:
            continue
        says = (
            f"{name} is shut down on {end}, the provider says: change to {model.replacement or others}, and "
            f'write shutdown and replacement into [models."{model.name}"] of darkroom.toml'
        )
        yield warn(patient.what("model"), says)


def _listed(answer: httpx2.Response) -> dict[str, date | None] | None:
    """The models that are served, each with the day on which it ends, where the provider tells one."""
    try:
        return {str(one["id"]): _day(one.get("shutdown_date")) for one in answer.json()["data"]}
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _day(told: object) -> date | None:
    """A day as it is told; what is none says nothing.

    >>> _day("2026-12-01"), _day("soon"), _day(None)
    (datetime.date(2026, 12, 1), None, None)
    """
    try:
        return date.fromisoformat(told) if isinstance(told, str) else None
    except ValueError:
        return None


def model_finding(models: Models, model: str | None, today: date) -> Finding:
    """Whether a model is still there, and for how long."""
    name = model or models.default
    if gone := models.retired.get(name):
        says = f"{name} was shut down on {gone.shutdown}; use {gone.replacement}"
        return fail("model", says)
    known = models.known.get(name)
    if known is None:
        meant = nearest_model(name, sorted(models.known)) or models.default
        says = f"{name} is not known; add [models.NAME] to darkroom.toml, or use {meant}"
        return fail("model", says)
    if known.shutdown and known.shutdown - today <= SOON:
        says = f"{name} is shut down on {known.shutdown}; change to {known.replacement}"
        return warn("model", says)
    return ok("model", f"{name} is known")


def cut_hosts(profiles: Iterable[Profile]) -> dict[str, str]:
    """Every host that any profile knows to cut calls, whatever profile was set for it."""
    return {host: better for profile in profiles for host, better in profile.cuts.items()}
