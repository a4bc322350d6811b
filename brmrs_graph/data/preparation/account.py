"""What was made of a source, told to a person."""

from __future__ import annotations

from typing import Any

from brmrs_graph.data.encoders.vectors import vectors_file
from brmrs_graph.data.filters import Step, describe
from brmrs_graph.data.raw.report import told


def account(manifest: dict[str, Any]) -> str:
    """A few paragraphs: counts after every filter, the split, what was encoded from what, and what was lost on the way.

    Args:
        manifest: What :func:`~brmrs_graph.data.preparation.prepare` wrote down.
    """
    parts = [
        "\n".join([f"layout {manifest['layout']}", *manifest["remarks"]]),
        describe([Step(**step) for step in manifest["filters"]]),
        "\n".join(_split(manifest["split"])),
        "\n".join([*_items(manifest["items"]), *_features(manifest)]),
        "\n".join(told(entry) for entry in manifest["broken"]),
    ]
    return "\n\n".join(filter(None, parts))


def _split(split: dict[str, Any]) -> list[str]:
    cold = split["cold"]
    lines = [
        f"split {split['rule']}: {split['train']:,} interactions for training, {split['valid']:,} for validation, "
        f"{split['test']:,} for test"
    ]
    if cold["items"]:
        lines.append(f"{cold['items']:,} items are cold: {cold['pairs_of_items']:,} of the held-out interactions")
    if cold["users"]:
        lines.append(
            f"{cold['users']:,} users are held out without a training interaction: {cold['pairs_of_users']:,} "
            "interactions, which are not evaluated"
        )
    return lines


def _items(items: dict[str, Any]) -> list[str]:
    lines = [f"{items['count']:,} items, {items['pictures']:,} with a picture, {items['texts']:,} with a text"]
    if items["fields"]:
        lines[0] += f" of {', '.join(items['fields'])}"
    if 0 < items["unknown"] < items["count"]:
        lines.append(f"{items['unknown']:,} items are in no table of items")
    if items["unseen"]:
        left = "kept" if items["unseen_kept"] else "left out (--unseen-items keeps them)"
        lines.append(f"{items['unseen']:,} items of the catalogue have no interaction: {left}")
    return lines


def _features(manifest: dict[str, Any]) -> list[str]:
    features = manifest["features"]
    lines = []
    for modality, about in features.items():
        made = f"encoded by {about['encoder']}" if "encoder" in about else f"taken from {about['from']}"
        line = f"{modality}: {about['dimensions']:,} dimensions for {about['items']:,} items, {made}"
        if "rotated_from" in about:
            line += f", rotated from {about['rotated_from']:,} with {about['energy']:.1%} of the energy"
            line += " and whitened" if about["whitened"] else ""
        lines.append(f"{line}; {about['lacking']:,} items lack it" if about["lacking"] else line)
    lines = lines or ["no features: only models without item content can run"]
    for modality, inputs, option in (("textual", "text", "text_encoder"), ("visual", "picture", "image_encoder")):
        named = manifest["options"][option]
        if named and not vectors_file(named) and "encoder" not in features.get(modality, {}):
            lines.append(f"{modality}: nothing for {named} to encode, since no item has a {inputs}")
    return lines
