"""Amounts, times and sizes as people read them."""

from decimal import Decimal

_KILO = 1000
_MINUTE = 60
_HOUR = 3600


def money(amount: Decimal) -> str:
    """US dollars: cents where there are many, the small part where there are few.

    >>> money(Decimal("12.3456")), money(Decimal("0.00593")), money(Decimal(0))
    ('$12.35', '$0.0059', '$0')
    """
    if not amount:
        return "$0"
    return f"${amount:,.2f}" if amount >= 1 else f"${amount:.4f}"


def duration(seconds: float) -> str:
    """A length of time.

    >>> duration(9.4), duration(75), duration(300), duration(7260)
    ('9 s', '1 min 15 s', '5 min', '2 h 1 min')
    """
    whole = round(seconds)
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE} s".removesuffix(" 0 s")
    return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE} min".removesuffix(" 0 min")


def volume(size: int) -> str:
    """Bytes.

    >>> volume(900), volume(1_500_000), volume(12_000_000_000)
    ('900 B', '1.5 MB', '12.0 GB')
    """
    amount = float(size)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < _KILO:
            return f"{size} B" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= _KILO
    return f"{amount:.1f} TB"


def plural(number: int, noun: str) -> str:
    """A number with its noun.

    >>> plural(1, "image"), plural(12_000, "image"), plural(2, "batch")
    ('1 image', '12,000 images', '2 batches')
    """
    ending = "" if number == 1 else "es" if noun.endswith(("ch", "s")) else "s"
    return f"{number:,} {noun}{ending}"


def spread(low: Decimal, high: Decimal) -> str:
    """An amount that lies between two, said as one where both read the same.

    >>> spread(Decimal("1.001"), Decimal("1.002")), spread(Decimal("0.5"), Decimal(2))
    ('about $1.00', '$0.5000 to $2.00')
    """
    if money(low) == money(high):
        return f"about {money(high)}"
    return f"{money(low)} to {money(high)}"
