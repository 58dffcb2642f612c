"""Where a provider is, and the key it is called with."""

from dataclasses import dataclass, field
from urllib.parse import SplitResult, urlsplit

_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Provider:
    """One upstream, handed in and never read from the environment.

    `base_url` is what the SDK takes for it: it ends where `/images/generations` begins.

    Raises:
        ValueError: the address or the key is unusable; the key is not repeated.

    >>> Provider("openai", "https://api.openai.com/v1", "sk-secret")
    Provider(name='openai', base_url='https://api.openai.com/v1', user_agent='darkroom')
    """

    name: str
    base_url: str
    api_key: str = field(repr=False)
    user_agent: str = "darkroom"

    def __post_init__(self) -> None:
        """Refuse here what would fail, or leak, in the middle of a call."""
        if not _plain(self.base_url):
            message = "write http(s)://host[:port]/path, without a password, query or fragment"
            raise ValueError(f"the base URL of provider {self.name} is unusable: {message}")
        if not self.api_key or not all("!" <= char <= "~" for char in self.api_key):
            message = "it is empty, or has a space or a character outside ASCII in it"
            raise ValueError(f"the key of provider {self.name} is unusable: {message}")

    @property
    def where(self) -> str:
        """Its host and port, for messages.

        >>> Provider("sandbox", "http://127.0.0.1:9000/v1", "any").where
        '127.0.0.1:9000'
        """
        parts = urlsplit(self.base_url)
        return f"{parts.hostname}:{parts.port or _PORTS[parts.scheme]}"


def _plain(url: str) -> bool:
    try:
        parts: SplitResult = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    known = parts.scheme in _PORTS and bool(parts.hostname) and port != 0
    return known and not (parts.username or parts.password or parts.query or parts.fragment)
