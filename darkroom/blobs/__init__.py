"""Stored bytes, addressed by their SHA-256, and a few named objects; on disk or in an S3 bucket."""

from darkroom.blobs.contract import BlobMissing, BlobStore, StorageFailed, not_this_one
from darkroom.blobs.opening import BadStorageUrl, open_store
from darkroom.blobs.spool import Spool

__all__ = [
    "BadStorageUrl",
    "BlobMissing",
    "BlobStore",
    "Spool",
    "StorageFailed",
    "not_this_one",
    "open_store",
]
