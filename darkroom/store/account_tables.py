"""The tables of who may do what: projects, their keys, and signed-in browsers."""

from sqlalchemy import ARRAY, Boolean, Column, ForeignKey, Index, LargeBinary, Table, Text, Uuid

from darkroom.store.columns import Moment, Money, born, metadata

projects = Table(
    "projects",
    metadata,
    Column("id", Text, primary_key=True),
    Column("time_zone", Text, nullable=False, server_default="UTC"),
    Column("budget_per_day", Money),
    Column("budget", Money, comment="in all"),
    born(),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("project_id", Text, ForeignKey("projects.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column(
        "prefix", Text, nullable=False, comment="the first characters, for people to know it by"
    ),
    Column("digest", LargeBinary, nullable=False, unique=True, comment="sha256 of the key"),
    Column(
        "former_digest", LargeBinary, unique=True, comment="of the secret before its last rotation"
    ),
    Column("former_until", Moment, comment="until when that is good as well"),
    Column("scopes", ARRAY(Text), nullable=False),
    born(),
    Column("expires_at", Moment),
    Column("last_used_at", Moment),
    Column("revoked_at", Moment),
)

signing_secrets = Table(
    "signing_secrets",
    metadata,
    Column("name", Text, primary_key=True, comment="what is signed with it"),
    Column("secret", LargeBinary, nullable=False),
    born(),
    comment="made by whoever needs one first; every process of the API signs with the same",
)

sessions = Table(
    "sessions",
    metadata,
    Column("digest", LargeBinary, primary_key=True, comment="sha256 of what the browser keeps"),
    Column("key_id", Uuid, ForeignKey("api_keys.id"), nullable=False),
    Column("is_link", Boolean, nullable=False, comment="good for one sign-in and nothing else"),
    born(),
    Column("expires_at", Moment, nullable=False),
    Index("ix_sessions_expires_at", "expires_at"),
)
