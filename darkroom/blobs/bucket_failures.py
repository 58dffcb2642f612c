"""What an S3 server's refusal means, in words that hold no credentials.

The client quotes the server's whole answer, and S3 puts the access key id into some of them. Only
the status and the error code (docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html) are taken over.
"""

import re
from typing import Final

_STATUS: Final = re.compile(r"status code: (\d{3})")
_CODE: Final = re.compile(r"<Code>(\w{1,60})</Code>")

_CREDENTIALS: Final = "check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and the bucket's policy"
_SERVER: Final = "look at the S3 server, it was asked several times"
_FIX_BY_CODE: Final = {
    "NoSuchBucket": "create the bucket or correct its name in the storage URL",
    "PermanentRedirect": "set the bucket's region in the storage URL (?region=…)",
    "AuthorizationHeaderMalformed": "set the bucket's region in the storage URL (?region=…)",
    "RequestTimeTooSkewed": "set this machine's clock",
    "ExpiredToken": "renew AWS_SESSION_TOKEN",
    "AccessDenied": _CREDENTIALS,
    "InvalidAccessKeyId": _CREDENTIALS,
    "SignatureDoesNotMatch": _CREDENTIALS,
}
_FIX_BY_SIGN: Final = (
    (
        "/latest/api/token",
        "there are no credentials",
        "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
    ),
    (
        "kind: Timeout",
        "the S3 server did not answer in time",
        "check that it is well and reachable",
    ),
    ("kind: Connect", "the S3 server cannot be reached", "check the endpoint and that it runs"),
)


def explained(error: Exception) -> tuple[str, str]:
    """Return the reason and the fix.

    >>> explained(Exception("status code: 403 Forbidden: <Code>AccessDenied</Code><Key>AKIA"))
    ('S3 answered 403 AccessDenied', "check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and the bucket's policy")
    >>> explained(Exception("HTTP error … kind: Connect,"))
    ('the S3 server cannot be reached', 'check the endpoint and that it runs')
    """
    text = str(error)
    for sign, reason, fix in _FIX_BY_SIGN:
        if sign in text:
            return reason, fix
    status, code = _found(_STATUS, text), _found(_CODE, text)
    if status:
        fix = (
            _SERVER
            if status[0] == "5"
            else _CREDENTIALS
            if status == "403"
            else "look at the S3 server"
        )
        return f"S3 answered {status} {code}".rstrip(), _FIX_BY_CODE.get(code, fix)
    return _own_trouble(error)


def bucket_is_missing(error: Exception) -> bool:
    """Tell a missing bucket from a missing object; an answer to HEAD cannot tell."""
    return _found(_CODE, str(error)) == "NoSuchBucket"


def is_unimplemented(error: Exception) -> bool:
    """Tell whether the server does not know conditional writes."""
    text = str(error)
    return _found(_STATUS, text) == "501" or _found(_CODE, text) == "NotImplemented"


def _own_trouble(error: Exception) -> tuple[str, str]:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror} ({error.filename})", "check the local file and disk"
    return f"the S3 client failed ({type(error).__name__})", "run the storage check"


def _found(pattern: re.Pattern[str], text: str) -> str:
    match = pattern.search(text)
    return match.group(1) if match else ""
