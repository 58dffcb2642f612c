"""What is sent to whoever wants to hear, and where it is never sent."""

import pytest
from openai import InvalidWebhookSignatureError, OpenAI

from darkroom.fetching import Guard
from darkroom.webhooks import NotDelivered, post, signed

SECRET = "whsec_" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo="
INSIDE = ("127.0.0.1", "10.0.0.7", "169.254.169.254", "::1")


def test_a_changed_body_is_not_ours():
    headers = signed(SECRET, "evt_1", 1_700_000_000, b'{"a":1}')
    with OpenAI(api_key="sk-none") as client, pytest.raises(InvalidWebhookSignatureError):
        client.webhooks.verify_signature(b'{"a":2}', headers, secret=SECRET, tolerance=10**10)


@pytest.mark.parametrize("address", INSIDE)
def test_a_name_that_leads_inside_is_not_connected_to(address):
    with pytest.raises(NotDelivered, match="inner address"):
        post("https://shop.example/hooks", {}, b"{}", Guard(), lookup=lambda *_: [address])


@pytest.mark.parametrize(
    "url", ["http://localhost/x", "https://u:p@shop.example/", "ftp://a.example"]
)
def test_what_is_no_public_url_is_not_asked_for(url):
    with pytest.raises(NotDelivered):
        post(url, {}, b"{}", Guard(), lookup=lambda *_: ["93.184.216.34"])
