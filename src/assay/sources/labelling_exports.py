"""JSON files of labelling tools: Label Studio and COCO as rows where a row has one label, others refused by their name.

In: the value of a JSON file. Out: rows and a note; None for any other JSON. Does not know: which column is what.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from assay.errors import SourceError

Rows = tuple[list[Any], str]
BOXES = "boxes and shapes are not read: give a folder of the cut-out objects, or a table with one label an image"


def read_export(value: Any, where: str) -> Rows | None:
    """Rows with the task's own fields and ``label``; `SourceError` for what holds boxes, shapes or several labels a row."""
    if isinstance(value, dict):
        if {"images", "annotations", "categories"} <= value.keys():
            return _coco(value, where)
        if {"assets", "tags"} <= value.keys() or {"asset", "regions"} <= value.keys():
            raise SourceError(f"{where} is a VoTT export; {BOXES}")
        if {"shapes", "imagePath"} <= value.keys():
            raise SourceError(f"{where} is a LabelMe file; {BOXES}")
    if isinstance(value, list) and value and all(isinstance(task, dict) for task in value):
        first = value[0]
        if isinstance(first.get("data"), dict) and ("annotations" in first or "predictions" in first):
            return _label_studio(value, where)
        if {"asset", "regions"} <= first.keys():
            raise SourceError(f"{where} is a VoTT export; {BOXES}")
    return None


def _coco(value: dict[str, Any], where: str) -> Rows:
    names = {entry.get("id"): entry.get("name") for entry in value["categories"] if isinstance(entry, dict)}
    labels: dict[Any, set[Any]] = {}
    counts: Counter[Any] = Counter()
    for entry in value["annotations"]:
        labels.setdefault(entry.get("image_id"), set()).add(names.get(entry.get("category_id")))
        counts[entry.get("image_id")] += 1
    boxes = sum(bool(entry.get("bbox") or entry.get("segmentation")) for entry in value["annotations"])
    if boxes or any(len(found) > 1 for found in labels.values()):
        what = f"{boxes:,} boxes or shapes" if boxes else "several labels for one image"
        raise SourceError(f"{where} is a COCO export with {what}; {BOXES}")
    rows = [
        {"file_name": image.get("file_name"), "label": next(iter(labels.get(image.get("id"), {None})))}
        for image in value["images"]
    ]
    return rows, "COCO export: one label an image"


def _label_studio(tasks: list[dict[str, Any]], where: str) -> Rows:
    """The first annotation that was not cancelled counts; its only choice is the label."""
    rows, several = [], 0
    for task in tasks:
        done = [entry for entry in task.get("annotations") or [] if not entry.get("was_cancelled")]
        choices: list[Any] = []
        for result in (done[0].get("result") or []) if done else []:
            inner = result.get("value") or {}
            if "choices" not in inner:
                raise SourceError(f"{where} is a Label Studio export of {result.get('type')}, not of choices; {BOXES}")
            choices += inner["choices"]
        if len(choices) > 1:
            raise SourceError(
                f"{where} is a Label Studio export with several choices a task: multi-label data is not there yet"
            )
        several += len(done) > 1
        rows.append({**task["data"], "label": choices[0] if choices else None})
    more = f"; of {several:,} tasks with several annotations the first counts" if several else ""
    return rows, f"Label Studio export: one choice a task{more}"
