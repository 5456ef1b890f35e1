"""What all tests share."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest
from hypothesis import settings

# How long an example takes is the machine's, not the code's.
settings.register_profile("no-deadline", deadline=None)
settings.load_profile("no-deadline")


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    """URL of an S3 server on this machine, moto's."""
    pytest.importorskip("moto")
    pytest.importorskip("s3fs")
    from pipelines.checks.bucket import s3_server

    with s3_server() as endpoint:
        yield endpoint


@pytest.fixture
def bucket(s3_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """URL of an empty bucket; credentials and endpoint are the environment's."""
    import boto3

    from pipelines.checks.bucket import environment

    for key, value in environment(s3_endpoint).items():
        monkeypatch.setenv(key, value)
    name = f"b{uuid.uuid4().hex[:10]}"
    boto3.client("s3").create_bucket(Bucket=name)
    return f"s3://{name}"


@pytest.fixture(scope="session")
def plain_configs() -> Iterator[None]:
    """MMEngine writes configs as they come: laying them out by yapf takes most of a short training's time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("yapf.yapflib.yapf_api.FormatCode", lambda text, **_: (text, True))
        yield
