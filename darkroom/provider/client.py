"""The client of one thread: a request in, an answer out, sent once or not at all."""

import ssl
from collections.abc import Callable, Mapping, Sequence

import httpx2
from openai import APIStatusError, OpenAI

from darkroom.domain.answer import Answer
from darkroom.provider.answer import useful
from darkroom.provider.call import Call
from darkroom.provider.part import Part
from darkroom.provider.upstream import Provider
from darkroom.provider.wire import Wire


def shared_tls() -> ssl.SSLContext:
    """What encrypted connections trust: slow to make, and shared by all clients of a process."""
    return httpx2.create_ssl_context()


class Client:
    """Calls one provider from one thread, over one connection that is kept warm.

    HTTPS_PROXY, HTTP_PROXY and NO_PROXY are obeyed; nothing else is taken from the environment.
    """

    def __init__(self, provider: Provider, tls: ssl.SSLContext | None = None) -> None:
        self._where = provider.where
        if tls is None and provider.base_url.startswith("https:"):
            tls = shared_tls()
        self._wire = Wire(provider.base_url, tls)
        self._openai = OpenAI(
            api_key=provider.api_key,
            base_url=provider.base_url,
            max_retries=0,
            timeout=None,
            default_headers=_headers(provider),
            http_client=httpx2.Client(transport=self._wire, trust_env=False),
        )
        # The SDK fills in what it is not given from OPENAI_ORG_ID and OPENAI_PROJECT_ID.
        self._openai.organization = None
        self._openai.project = None

    def call(
        self,
        endpoint: str,
        body: Mapping[str, object],
        *,
        deadline_seconds: float,
        may_send: Callable[[], bool],
        client_request_id: str,
        parts: Sequence[Part] = (),
    ) -> Answer:
        """Sends the request once and returns whatever the provider answers, errors and redirects too.

        `endpoint` is an API path, with or without its `/v1`. `may_send` is asked as the last act before the
        first byte goes to the socket. The deadline spans everything from here to the last byte. With `parts`
        the request goes out as a form, without as JSON.

        Raises:
            CallFailed: there is no whole answer; it says whether anything was sent.
        """
        call = Call(self._where, deadline_seconds, may_send)
        self._wire.begin(call)
        headers = {"X-Client-Request-Id": client_request_id}
        response = self._posted(endpoint.removeprefix("/v1"), body, headers, parts)
        return Answer(
            response.status_code,
            useful(response.headers.items()),
            response.content,
            call.latency_ms,
        )

    def _posted(
        self,
        path: str,
        body: Mapping[str, object],
        headers: Mapping[str, str],
        parts: Sequence[Part],
    ) -> httpx2.Response:
        form = {"Content-Type": "multipart/form-data"} if parts else {}
        try:
            return self._openai.post(
                path,
                cast_to=httpx2.Response,
                body=body,
                files=[part.as_sent() for part in parts] or None,
                options={"headers": {**headers, **form}},
            )
        except APIStatusError as error:
            return error.response

    def close(self) -> None:
        """Hangs up; the client is of no use after it."""
        self._openai.close()


def _headers(provider: Provider) -> dict[str, str]:
    return {
        # Said again because OPENAI_CUSTOM_HEADERS would win over the SDK's own.
        "Authorization": f"Bearer {provider.api_key}",
        "User-Agent": provider.user_agent,
        # Base64 of a compressed image only costs time to compress once more.
        "Accept-Encoding": "identity",
    }
