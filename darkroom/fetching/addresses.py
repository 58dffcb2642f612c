"""The addresses that the outside world may not send us to.

The registries: https://www.iana.org/assignments/iana-ipv4-special-registry and its IPv6 twin. They are
written down here because Python's own reading of them changes from one patch release to the next.
"""

from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import Final

Address = IPv4Address | IPv6Address

# Public by number, and still the cloud's own: Azure, Oracle, Alibaba, AWS, Google.
_METADATA: Final = frozenset(
    map(
        ip_address,
        ("168.63.129.16", "192.0.0.192", "100.100.100.200", "fd00:ec2::254", "fd20:ce::254"),
    )
)
_INNER: Final = tuple(
    (ip_network(network), kind)
    for network, kind in (
        ("127.0.0.0/8", "loopback"),
        ("::1/128", "loopback"),
        ("10.0.0.0/8", "private"),
        ("172.16.0.0/12", "private"),
        ("192.168.0.0/16", "private"),
        ("fc00::/7", "private"),
        ("100.64.0.0/10", "carrier-internal"),
    )
)
_NOWHERE: Final = tuple(
    (ip_network(network), kind)
    for network, kind in (
        ("0.0.0.0/8", "unspecified"),
        ("::/128", "unspecified"),
        ("169.254.0.0/16", "link-local"),
        ("fe80::/10", "link-local"),
        ("224.0.0.0/4", "multicast"),
        ("ff00::/8", "multicast"),
        ("192.0.0.0/24", "reserved"),
        ("192.0.2.0/24", "reserved"),
        ("192.88.99.0/24", "reserved"),
        ("198.18.0.0/15", "reserved"),
        ("198.51.100.0/24", "reserved"),
        ("203.0.113.0/24", "reserved"),
        ("240.0.0.0/4", "reserved"),
        ("2001::/23", "reserved"),
        ("2001:db8::/32", "reserved"),
        ("3fff::/20", "reserved"),
    )
)
_GLOBAL_IPV6: Final = IPv6Network("2000::/3")
_CARRIES_IPV4: Final = (IPv6Network("64:ff9b::/96"), IPv6Network("::/96"))
_THEMSELVES: Final = (IPv6Address("::"), IPv6Address("::1"))


def refusal(address: Address, *, allow_private: bool) -> str | None:
    """The kind of address that this is, if no connection may be made to it.

    `allow_private` opens loopback and private networks; metadata services and addresses that
    lead nowhere stay closed.

    >>> refusal(ip_address("93.184.216.34"), allow_private=False)
    >>> refusal(ip_address("10.0.0.7"), allow_private=False)
    'private'
    >>> refusal(ip_address("64:ff9b::7f00:1"), allow_private=False)
    'loopback'
    >>> refusal(ip_address("169.254.169.254"), allow_private=True)
    'link-local'
    """
    reached = _carried(address) or (address,)
    kinds = (_kind(each, allow_private=allow_private) for each in reached)
    return next((kind for kind in kinds if kind), None)


def _kind(address: Address, *, allow_private: bool) -> str | None:
    if address in _METADATA:
        return "metadata"
    inner = _named(address, _INNER)
    if inner:
        return None if allow_private else inner
    nowhere = _named(address, _NOWHERE)
    if nowhere or isinstance(address, IPv4Address) or address in _GLOBAL_IPV6:
        return nowhere
    return "reserved"


def _named(
    address: Address, networks: tuple[tuple[IPv4Network | IPv6Network, str], ...]
) -> str | None:
    return next((kind for network, kind in networks if address in network), None)


def _carried(address: Address) -> tuple[IPv4Address, ...]:
    """The IPv4 addresses to which gateways on the way would pass this one on."""
    if isinstance(address, IPv4Address) or address in _THEMSELVES:
        return ()
    if address.teredo:
        return address.teredo
    if any(address in network for network in _CARRIES_IPV4):
        return (IPv4Address(int(address) & 0xFFFF_FFFF),)
    carried = address.ipv4_mapped or address.sixtofour
    return (carried,) if carried else ()
