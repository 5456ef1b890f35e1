"""Tables of a comparison of mask supervisions: AP of each variant, and differences beside their bars."""

from __future__ import annotations

import statistics
from typing import Any

from pipelines.ablations.supervision_experiment import MIN_AREA, Settings
from pipelines.ablations.supervision_variants import EVERY
from pipelines.reporting.tables import Table, spread

# What is compared, and what the figure is to reach.
ABOVE_BOXINST = ("points of AP above", 2.8)
OF_SUPERVISED = ("share of the AP", 0.97)
ABOVE_BOXES = ("--boxes above filled boxes, IoU", 0.15)


def ap_table(results: dict[str, dict[int, Any]], settings: Settings) -> Table:
    """AP of each variant, mean and spread over its seeds."""

    def cell(seeds: dict[int, Any], area: str, name: str, figure: str) -> str:
        return spread([result[area][name][figure] for result in seeds.values() if name in result[area]])

    chosen = (
        [("large", "mean", figure) for figure in ("AP", "AP50", "AP75")]
        + [("large", "car", "AP"), ("large", "pedestrian", "AP")]
        + [("all", "mean", figure) for figure in ("AP", "AP50", "AP75")]
    )
    titles = (f"AP >= {MIN_AREA} px", "AP50", "AP75", "car AP", "pedestrian AP", "AP of all sizes", "AP50", "AP75")
    rows = [
        (EVERY[variant].text, ", ".join(map(str, seeds)), *(cell(seeds, *column) for column in chosen))
        for variant, seeds in results.items()
    ]
    return Table(
        "Mask AP",
        f"On true masks of {settings.test} test scenes; {settings.train} training scenes; "
        f"{settings.frames} frames each, scene seed {settings.scene_seed}; {settings.steps} steps of "
        f"{settings.batch} images; mean and standard deviation over the training seeds. Synthetic.",
        ("mask supervision", "training seeds", *titles),
        rows,
    )


def comparisons(results: dict[str, dict[int, Any]]) -> list[dict[str, Any]]:
    """Points above BoxInst and share of the supervised AP, over the seeds that both have, beside their bars."""
    rows = []
    for variant in ("puzzle", "networks"):
        for other in ("boxinst", "supervised"):
            text, bar = OF_SUPERVISED if other == "supervised" else ABOVE_BOXINST
            seeds = sorted(set(results.get(variant, ())) & set(results.get(other, ())))
            for area in ("large", "all") if seeds else ():
                first, second = (
                    [results[name][seed][area]["mean"]["AP"] for seed in seeds] for name in (variant, other)
                )
                if other == "supervised":
                    of_seeds = [a / max(b, 1e-9) for a, b in zip(first, second, strict=True)]
                    value = sum(first) / max(sum(second), 1e-9)
                else:
                    of_seeds = [a - b for a, b in zip(first, second, strict=True)]
                    value = statistics.mean(of_seeds)
                rows.append(
                    {
                        "variant": EVERY[variant].text,
                        "what": f"{text} ({other})",
                        "objects": area,
                        "seeds": seeds,
                        "each": of_seeds,
                        "value": value,
                        "bar": bar,
                        "reached": value >= bar,
                    }
                )
    return rows


def conversion_rows(results: dict[str, dict[int, Any]]) -> list[dict[str, Any]]:
    """IoU of converted boxes above filled boxes, beside its bar."""
    (text, bar), rows = ABOVE_BOXES, []
    for variant, seeds in results.items():
        for name in ("car", "pedestrian", "all"):
            gains = [
                result[name]["converted_mask"] - result[name]["filled_box"]
                for result in seeds.values()
                if result[name]["objects"]
            ]
            if gains:
                masks = statistics.mean(result[name]["converted_mask"] for result in seeds.values())
                rows.append(
                    {
                        "variant": EVERY[variant].text,
                        "what": f"{text} ({name}: {masks:.3f})",
                        "objects": "large",
                        "seeds": sorted(seeds),
                        "each": gains,
                        "value": statistics.mean(gains),
                        "bar": bar,
                        "reached": statistics.mean(gains) >= bar,
                    }
                )
    return rows


def bar_table(rows: list[dict[str, Any]]) -> Table:
    """Differences and ratios beside their bars."""
    sizes = {"large": f">= {MIN_AREA} px", "all": "all sizes"}
    shown = [
        (
            row["variant"],
            f"{row['what']}, {sizes[row['objects']]}",
            ", ".join(map(str, row["seeds"])),
            spread(row["each"], 3),
            f"{row['value']:.3f}",
            f"{row['bar']:g}",
            "yes" if row["reached"] else "no",
        )
        for row in rows
    ]
    columns = ("mask supervision", "what", "training seeds", "of the seeds", "together", "bar", "reached")
    return Table("Bars", "", columns, shown)
