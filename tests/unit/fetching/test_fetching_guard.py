"""Where a stranger's URL may not send us. Nothing here opens a socket."""

import socket
from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkroom.fetching import FetchCode, Guard
from darkroom.fetching.addresses import refusal

OUTSIDE = Guard()
INSIDE = Guard(allow_private=True)


def never(_host, _port):
    raise AssertionError("it was looked up")


def leads_to(*addresses):
    return lambda _host, _port: addresses


INNER = [
    *("127.0.0.1", "127.255.255.254", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1"),
    *("100.64.0.1", "100.127.255.255", "::1", "fc00::1", "fdff::1"),
    *("::ffff:10.0.0.1", "::10.0.0.1", "2002:0a00:0001::1", "64:ff9b::10.0.0.1"),
    "2001:0:a00:1:0:0:a247:27dd",  # Teredo: its server
    "2001:0:5db8:d822:0:0:f5ff:fffe",  # Teredo: its client
]
NEVER = [
    *("0.0.0.0", "0.1.2.3", "169.254.169.254", "169.254.170.2", "224.0.0.1", "239.255.255.255"),
    *("240.0.0.1", "255.255.255.255", "192.0.0.1", "192.0.2.1", "192.88.99.1", "198.18.0.1"),
    *("198.51.100.1", "203.0.113.1", "168.63.129.16", "100.100.100.200", "192.0.0.192"),
    *("::", "fe80::1", "fec0::1", "ff02::1", "100::1", "2001:db8::1", "3fff::1", "5f00::1"),
    *("fd00:ec2::254", "fd20:ce::254", "64:ff9b:1::1", "2001:2::1", "2001:10::1", "4000::1"),
    *("::ffff:169.254.169.254", "::ffff:0:169.254.169.254", "2002:a9fe:a9fe::1"),
    *("64:ff9b::a9fe:a9fe", "64:ff9b::168.63.129.16", "::169.254.169.254"),
    "2001:0:5db8:d822:0:0:5601:5601",  # Teredo: a client at the metadata address
]
PUBLIC = [
    *("1.1.1.1", "93.184.216.34", "9.255.255.255", "11.0.0.0", "172.15.255.255", "172.32.0.0"),
    *("100.63.255.255", "100.128.0.0", "169.253.255.255", "192.167.255.255", "223.255.255.255"),
    *("2606:2800:220:1::1", "2a00::1", "64:ff9b::93.184.216.34", "2002:5db8:d822::1"),
    "::ffff:93.184.216.34",
]


@pytest.mark.parametrize("address", INNER)
def test_an_inner_address_is_opened_by_setting_only(address, refused):
    assert refusal(ip_address(address), allow_private=False)
    assert refusal(ip_address(address), allow_private=True) is None
    assert refused("http://x.example/", OUTSIDE, lookup=leads_to(address)).code == "not_allowed"


@pytest.mark.parametrize("address", NEVER)
def test_some_addresses_are_never_opened(address, refused):
    assert refusal(ip_address(address), allow_private=False)
    assert refusal(ip_address(address), allow_private=True)
    assert refused("http://x.example/", INSIDE, lookup=leads_to(address)).code == "not_allowed"


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_open(address):
    assert refusal(ip_address(address), allow_private=False) is None


@given(st.integers(0, 2**32 - 1).map(IPv4Address))
def test_nothing_that_python_calls_inner_is_open(address):
    if address.is_private or address.is_multicast or address.is_reserved:
        assert refusal(address, allow_private=False)


@given(st.integers(0, 2**32 - 1).map(IPv4Address))
def test_an_embedded_address_is_judged_as_itself(address):
    plain = refusal(address, allow_private=False)
    number = int(address)
    assert refusal(IPv6Address((0xFFFF << 32) + number), allow_private=False) == plain
    assert refusal(IPv6Address((0x64FF9B << 96) + number), allow_private=False) == plain
    assert refusal(IPv6Address((0x2002 << 112) + (number << 80)), allow_private=False) == plain


@given(st.integers(0, 2**128 - 1).map(IPv6Address))
def test_outside_of_global_unicast_only_gateways_are_open(address):
    if refusal(address, allow_private=False) is None:
        gateways = (IPv6Address("::").packed[:12], IPv6Address("64:ff9b::").packed[:12])
        assert int(address) >> 125 == 1 or address.packed[:12] in gateways or address.ipv4_mapped


@pytest.mark.parametrize("address", [address for address in (*INNER, *NEVER) if "%" not in address])
def test_an_address_in_the_url_itself(address, refused):
    host = f"[{address}]" if ":" in address else address
    failure = refused(f"http://{host}/", OUTSIDE)
    assert failure.code == FetchCode.NOT_ALLOWED
    assert "public URL" in str(failure)


def test_one_inner_address_among_public_ones_is_enough(refused):
    failure = refused("http://x.example/", OUTSIDE, lookup=leads_to("1.1.1.1", "10.0.0.1"))
    assert str(failure) == (
        "http://x.example/: it leads to a private address; give a public URL, "
        "or hand the picture in as a file"
    )


@pytest.mark.parametrize(
    "host",
    [
        *("2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "127.1", "127.0.1", "0", "0x"),
        *("127.0.0.1.", "1.2.3.4.5", "256.1.1.1", "a.0x7f", "%31%32%37.0.0.1", "127.0.0.1%00.x"),
        *("[fe80::1%25eth0]", "[fe80::1%eth0]", "a..b", ".a", "a b", "a" * 64, "-", "a\\b"),
        *("①②⑦.0.0.1", "[::1", "[v1.a]", "127。0。0。1.", "a_b*", "a,b"),
    ],
)
@pytest.mark.parametrize("guard", [OUTSIDE, INSIDE])
def test_a_host_in_a_strange_spelling_is_not_looked_up(host, guard, refused):
    assert refused(f"http://{host}/", guard, lookup=never).code == FetchCode.BAD_URL


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "localhost.", "a.localhost"])
def test_localhost_is_refused_by_its_name(host, refused):
    assert refused(f"http://{host}/", OUTSIDE, lookup=never).code == FetchCode.NOT_ALLOWED


@pytest.mark.parametrize(
    "url",
    [
        *("", "picture.png", "/srv/picture.png", "//x.example/a.png", "x.example/a.png"),
        *("ftp://x.example/a.png", "file:///etc/passwd", "gopher://x.example/", "http:///a.png"),
        *("data:image/png;base64,AAAA", "http:x.example", "http://[::1"),
        *("http://x.example\n/", "https://x.example/\ud800", "https://" + "x" * 70_000),
    ],
)
def test_what_is_no_whole_http_url(url, refused):
    failure = refused(url, INSIDE, lookup=never)
    assert failure.code == FetchCode.BAD_URL
    assert "write it in full, as https://host/picture.png" in str(failure)
    assert not failure.code.passing


@pytest.mark.parametrize(
    "url",
    [
        *("http://me:hush@x.example/a", "https://me@x.example/a", "http://:hush@x.example/a"),
        *("hush:hush@x.example/a", "//me:hush@x.example/a", "ftp://me:hush@x.example/a"),
        *("http://me:hush@[::1/", "http:///a?hush", "http://me:hush@/"),
    ],
)
def test_user_info_is_refused_and_not_repeated(url, refused):
    failure = refused(url, INSIDE, lookup=never)
    assert failure.code == FetchCode.BAD_URL
    assert "hush" not in str(failure)
    assert "me" not in str(failure).split(": ")[0]


@pytest.mark.parametrize("port", [1, 22, 6379, 8080, 65_535])
def test_a_port_of_other_services_is_refused(port, refused):
    failure = refused(f"http://x.example:{port}/", OUTSIDE, lookup=never)
    assert failure.code == FetchCode.NOT_ALLOWED
    assert f"port {port} is not allowed; serve it on 80 and 443" in str(failure)


@pytest.mark.parametrize("port", [0, 65_536, 99_999_999])
def test_a_port_that_does_not_exist(port, refused):
    failure = refused(f"http://x.example:{port}/a", INSIDE, lookup=never)
    assert failure.code == FetchCode.BAD_URL
    assert str(failure).endswith(f"/a: there is no port {port}; correct it")


def test_ports_can_be_opened(refused):
    failure = refused("http://x.example:8080/", Guard(ports=frozenset({8080})), lookup=leads_to())
    assert failure.code == FetchCode.NAME_NOT_RESOLVED


@pytest.mark.parametrize("error", [socket.gaierror(-2, "hush"), UnicodeError("hush")])
def test_a_name_that_nobody_knows(error, refused):
    def unknown(_host, _port):
        raise error

    failure = refused("https://nowhere.example/a.png?hush", OUTSIDE, lookup=unknown)
    assert failure.code == FetchCode.NAME_NOT_RESOLVED
    assert failure.code.passing
    assert str(failure) == (
        "https://nowhere.example/a.png: the name of its host is not known; correct it"
    )


def test_a_name_of_another_script_is_looked_up_in_its_ascii_form(refused):
    asked = []
    refused("https://bücher.example/", OUTSIDE, lookup=lambda *name: asked.append(name) or ())
    assert asked == [("xn--bcher-kva.example", 443)]
