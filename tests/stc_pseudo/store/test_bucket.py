"""The same store in a bucket: an S3 server of moto's, started here."""

import os

import numpy as np
import pytest

from stc_pseudo.store.reader import StoreReader
from stc_track.io.errors import InputError
from stc_track.io.location import Location


def test_objects(bucket):
    place = Location(f"{bucket}/some/where", writable=True)
    assert (place.find(), place.folders(), place.read_many(["a"])) == ({}, [], {})
    assert place.create("a/b", b"1")
    assert not place.create("a/b", b"2")
    place.put_many({"a/c": b"22", "d/e": b"3"})
    assert place.find() == {"a/b": 1, "a/c": 2, "d/e": 1}
    assert place.find("a/") == {"a/b": 1, "a/c": 2}
    assert place.folders() == ["a", "d"]
    assert place.read_many(["a/b", "nothing"]) == {"a/b": b"1"}
    with pytest.raises(FileNotFoundError):
        place.read("nothing")
    place.delete(["a/b", "nothing"])
    assert place.find("a/") == {"a/c": 2}


def test_a_store(bucket, tmp_path, small):
    """Built in a bucket and in a folder it is the same, object by object; then damaged, repaired and read."""
    small.build()
    files = small.contents()
    small.url = f"{bucket}/store"
    assert small.build() == [0, 16, 32]
    with small.writer() as writer:
        assert writer.recorded("0001")["depth"] == "x"
    place = Location(small.url)
    listed = {key for key in files if "/" in key}
    assert set(place.find()) == listed | {"manifest.json"}
    for key in listed:
        assert place.read(key) == files[key], key
    reader = StoreReader(small.url).sequence("0001")
    np.testing.assert_array_equal(reader.read("flow", 17), small.shard(16, 32)["flow"][1])
    with small.writer() as first, small.writer() as second:
        first.lock("0001")
        with pytest.raises(InputError, match="no other build"):
            second.lock("0001")
    (key,) = (key for key in place.find() if key.endswith("flow/c.2.0.0.0"))
    place.put(key, b"torn")
    with pytest.raises(InputError, match=r"expected .* bytes, found 4"):
        StoreReader(small.url).sequence("0001").read("flow", 35)
    from click.testing import CliRunner

    from stc_pseudo.cli import main

    assert CliRunner().invoke(main, ["verify", small.url, "--deep", "--repair"]).exit_code == 1
    assert small.build() == [32]
    assert CliRunner().invoke(main, ["verify", small.url, "--deep"]).exit_code == 0


def test_the_commands(bucket, drawn):
    """build, a rerun that writes nothing, export: as with a folder."""
    drawn.store = f"{bucket}/store"
    result = drawn.build()
    assert result.exit_code == 0, result.output
    before = Location(drawn.store).find()
    assert drawn.build().exit_code == 0
    assert Location(drawn.store).find() == before
    out = drawn.root / "coco.json"
    assert drawn.run("export", drawn.store, "--out", out).exit_code == 0
    assert "6 masks on 3 frames" in drawn.run("export", drawn.store, "--out", out).output


@pytest.mark.parametrize("what", ["no bucket", "no server", "no credentials"])
def test_a_bucket_without_rights_is_one_line(bucket, drawn, monkeypatch, what):
    drawn.store = f"{bucket}/store"
    if what == "no bucket":
        drawn.store = "s3://nobodys-bucket/store"
    elif what == "no server":
        monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
        monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    else:
        for key in list(os.environ):
            if key.startswith("AWS_") and key != "AWS_ENDPOINT_URL":
                monkeypatch.delenv(key)
        monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    import fsspec

    fsspec.get_filesystem_class("s3").clear_instance_cache()
    result = drawn.build()
    assert result.exit_code == 2, result.output
    assert result.output.count("Error: ") == 1
    fsspec.get_filesystem_class("s3").clear_instance_cache()
