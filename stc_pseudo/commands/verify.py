"""`stc-pseudo verify`: whether a store is what its records say."""

from __future__ import annotations

import json
from collections import Counter

import click

from stc_track.io.console import Command


@click.command(cls=Command, context_settings={"show_default": True})
@click.argument("store")
@click.option("--deep", is_flag=True, help="Read every object and compare its checksum, not its size alone.")
@click.option(
    "--repair", is_flag=True, help="Remove orphans, and let the next `stc-pseudo build` redo what is damaged."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of lines.")
def main(store: str, deep: bool, repair: bool, as_json: bool) -> None:
    """Tell what of STORE is complete, damaged, orphaned or unfinished; exit code 1 where anything is damaged."""
    from stc_pseudo.store.lock import Builder
    from stc_pseudo.store.verify import repair_sequence, stale_files, verify_store
    from stc_track.io.location import Location
    from stc_track.io.progress import Bar

    place = Location(store, writable=repair)
    counts, findings = Counter(), []
    builder = Builder(place)
    try:
        for state in Bar(verify_store(place, deep), desc="verify", unit="sequence", delay=2, leave=False):
            counts["complete" if state.complete else "damaged" if state.damaged else "without a record"] += 1
            counts["bytes"] += state.bytes
            of_sequence = [{"kind": kind, "key": key, "reason": reason} for kind, key, reason in state.findings()]
            findings += of_sequence
            for finding in () if as_json else of_sequence:
                click.echo(f"{finding['kind']}: {finding['key']}: {finding['reason']}")
            if repair and not state.busy and (state.damaged or state.orphans):
                repair_sequence(place, state, builder)
                counts["repaired"] += 1
        stale = stale_files(place)
        findings += [{"kind": "orphan", "key": key, "reason": "left by a killed build"} for key in stale]
        if repair:
            place.delete(stale)
    finally:
        builder.close()
    if as_json:
        click.echo(json.dumps({"counts": dict(counts), "findings": findings}, indent=1))
    else:
        for key in stale:
            click.echo(f"orphan: {key}: left by a killed build")
        parts = [f"{counts[kind]} {kind}" for kind in ("complete", "damaged", "without a record", "repaired")]
        checked = "every byte read" if deep else "sizes alone; --deep reads every byte"
        click.echo(f"sequences: {', '.join(parts)}; {counts['bytes'] / 1e6:.1f} MB complete or damaged; {checked}")
    if counts["damaged"]:
        raise click.exceptions.Exit(1)
