"""Webhooks: what is said, how it is signed, and the sending of it to a URL that a stranger wrote."""

from darkroom.webhooks.message import message
from darkroom.webhooks.sender import Answered, NotDelivered, post
from darkroom.webhooks.signing import signed

__all__ = ["Answered", "NotDelivered", "message", "post", "signed"]
