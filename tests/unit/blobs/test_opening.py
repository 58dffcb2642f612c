import pytest

from darkroom.blobs import BadStorageUrl, open_store


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("", "must begin with"),
        ("/var/darkroom", "must begin with"),
        ("gs://bucket", "must begin with"),
        ("file://var/darkroom", "absolute path"),
        ("file:relative", "absolute path"),
        ("file:///", "absolute path"),
        ("file:///var/x?region=y", "absolute path"),
        ("file:///var/../etc", "must hold neither"),
        ("file:///var/%2e%2e/etc", "must hold neither"),
        ("s3://", "bucket's name"),
        ("s3://bucket:9000/x", "bucket's name"),
        ("s3://bucket?secret_access_key=hush", "only these parameters: endpoint, region, timeout"),
        ("s3://bucket#hush", "only these parameters"),
        ("s3://bucket?endpoint=ftp://x", "endpoint must be"),
        ("s3://bucket?endpoint=http://key:hush@host", "endpoint must be"),
        ("s3://bucket?timeout=soon", "whole seconds"),
        ("s3://key:hush@bucket/x", "holds a user or a password"),
        ("file://key:hush@/var/x", "holds a user or a password"),
        ("s3://[hush", "malformed"),
    ],
)
def test_a_wrong_url_is_refused_without_being_repeated(url: str, message: str):
    with pytest.raises(BadStorageUrl, match=message) as caught:
        open_store(url)
    assert "hush" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_path_may_be_percent_encoded(tmp_path):
    open_store((tmp_path / "with a space").as_uri()).lay_out("of-the-test")
    assert (tmp_path / "with a space" / "blobs").is_dir()


def test_opening_a_bucket_asks_nothing_of_the_network():
    open_store("s3://bucket/prefix?endpoint=https://s3.example.invalid&region=eu-central-1")
