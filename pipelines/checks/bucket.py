"""A store in a bucket against the same in a folder: `python -m pipelines.checks.bucket`.

Starts an S3 server of moto's on this machine. A drawn data set is built into a bucket and into a folder, built again
(which must do nothing), verified, and trained from for a few steps; arrays and weights must be equal.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

import click

from pipelines.checks.placed_kills import arguments, contents, draw_data
from stc_track.io.console import Command
from stc_track.io.location import Location

LONGEST_RERUN = 3.0  # seconds
SERVER = """
import time
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
time.sleep(1e6)
"""


@contextmanager
def s3_server() -> Iterator[str]:
    """Endpoint of an S3 server on this machine, as long as the block lasts."""
    with subprocess.Popen(
        [sys.executable, "-c", SERVER], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            endpoint = f"http://127.0.0.1:{int(process.stdout.readline() if process.stdout else 0)}"
            for _ in range(100):
                try:
                    urlopen(endpoint).read()
                    break
                except OSError:
                    time.sleep(0.1)
            yield endpoint
        finally:
            process.kill()


def environment(endpoint: str) -> dict[str, str]:
    """What names the server to every client."""
    keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}
    return {"AWS_ENDPOINT_URL": endpoint, **keys}


def run(name: str, *command: object) -> tuple[float, float]:
    """Wall and CPU seconds of a command of ours in a process of its own; what it says, where it fails."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    program = str(Path(sys.executable).with_name(name))
    done = subprocess.run([program, *map(str, command)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise click.ClickException(f"{name} ended with {done.returncode}: {done.stderr[-1000:]}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.perf_counter() - started, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


@click.command(cls=Command, context_settings={"show_default": True})
@click.option("--steps", default=2, help="Of the training.")
def main(steps: int) -> None:
    """Build, rebuild, verify and train from a bucket and from a folder; exit code 1 where they differ."""
    with tempfile.TemporaryDirectory() as name, s3_server() as endpoint:
        os.environ |= environment(endpoint)
        import boto3
        import torch

        bucket, folder = f"b{uuid.uuid4().hex[:10]}", Path(name)
        boto3.client("s3").create_bucket(Bucket=bucket)
        root, stores = draw_data(folder / "data"), {"folder": str(folder / "store"), "bucket": f"s3://{bucket}/store"}
        bad, weights = [], {}
        for kind, store in stores.items():
            build = arguments(root, store, "new")
            figures = {"build": run("stc-pseudo", *build)}
            before = Location(store).find()
            figures["build again"] = run("stc-pseudo", *build)
            if Location(store).find() != before:
                bad.append(f"{kind}: building again changed something")
            figures["verify --deep"] = run("stc-pseudo", "verify", store, "--deep")
            work = ("--work-dir", folder / kind, "--max-iters", steps, "--config", "condinst_r18_demo")
            options = ("--cfg-options", "train_dataloader.num_workers=0", "train_dataloader.batch_size=2")
            figures["train"] = run("stc-train", "--pseudo-store", store, *work, *options)
            weights[kind] = torch.load(folder / kind / "model.pth", weights_only=True)["state"]
            for step, (wall, cpu) in figures.items():
                click.echo(f"{kind:7} {step:14}{wall:8.2f} s, {cpu:6.2f} s of CPU")
            # under a loaded machine the wall time says nothing: what is less than both is certain
            if min(figures["build again"]) > LONGEST_RERUN:
                bad.append(f"{kind}: building again took over {LONGEST_RERUN} s")
        if contents(stores["folder"]) != contents(stores["bucket"]):
            bad.append("the arrays differ")
        if any(not torch.equal(weights["bucket"][key], value) for key, value in weights["folder"].items()):
            bad.append("the trained weights differ")
    for line in bad:
        click.echo(f"BAD {line}")
    if bad:
        raise click.exceptions.Exit(1)
    click.echo("the bucket's arrays and weights are the folder's")


if __name__ == "__main__":
    main()
