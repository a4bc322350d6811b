"""What was made of a source, told to a person."""

from __future__ import annotations

from typing import Any

from brmrs_graph.data.counted import counted
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
        f"split {split['rule']}: {counted(split['train'], 'interaction')} for training, {split['valid']:,} for "
        f"validation, {split['test']:,} for test"
    ]
    if split["torn"]:
        torn = counted(split["torn"], "user-item pair is", "user-item pairs are")
        lines.append(f"{torn} in several of the given splits, and stay in the earliest one")
    if cold["items"]:
        items = counted(cold["items"], "item is cold", "items are cold")
        lines.append(f"{items}: {cold['pairs_of_items']:,} of the held-out interactions")
    if cold["users"]:
        users = counted(cold["users"], "user is", "users are")
        pairs = counted(cold["pairs_of_users"], "interaction, which is", "interactions, which are")
        lines.append(f"{users} held out without a training interaction: {pairs} not evaluated")
    return lines


def _items(items: dict[str, Any]) -> list[str]:
    count = counted(items["count"], "item")
    lines = [f"{count}, {items['pictures']:,} with a picture, {items['texts']:,} with a text"]
    if items["fields"]:
        lines[0] += f" of {', '.join(items['fields'])}"
    if items["fields_left_out"]:
        lines[0] += f" (left out: {', '.join(items['fields_left_out'])})"
    if items["not_fetched"]:
        pictures = counted(items["not_fetched"], "picture was not fetched", "pictures were not fetched")
        lines.append(f"{pictures}, since there are vectors already (--image-encoder NAME fetches and encodes)")
    if 0 < items["unknown"] < items["count"]:
        lines.append(f"{counted(items['unknown'], 'item is', 'items are')} in no table of items")
    if items["unseen"]:
        unseen = counted(items["unseen"], "item of the catalogue has", "items of the catalogue have")
        them = "it" if items["unseen"] == 1 else "them"
        left = "kept" if items["unseen_kept"] else f"left out (--unseen-items keeps {them})"
        lines.append(f"{unseen} no interaction: {left}")
    return lines


def _features(manifest: dict[str, Any]) -> list[str]:
    features = manifest["features"]
    lines = []
    for modality, about in features.items():
        made = f"encoded by {about['encoder']}" if "encoder" in about else f"taken from {about['from']}"
        there = f"{counted(about['dimensions'], 'dimension')} for {counted(about['items'], 'item')}"
        line = f"{modality}: {there}, {made}"
        if "rotated_from" in about:
            line += f", rotated from {about['rotated_from']:,} with {about['energy']:.1%} of the energy"
            line += " and whitened" if about["whitened"] else ""
        lines.append(line)
        if about["lacking"]:
            lines[-1] += f"; {counted(about['lacking'], 'item lacks', 'items lack')} it"
    lines = lines or ["no features: only models without item content can run"]
    for modality, inputs, option in (("textual", "text", "text_encoder"), ("visual", "picture", "image_encoder")):
        named = manifest["options"][option]
        if named and not vectors_file(named) and "encoder" not in features.get(modality, {}):
            lines.append(f"{modality}: nothing for {named} to encode, since no item has a {inputs}")
    return lines
