from __future__ import annotations

import re

import pytest

from common.errors import ModelError
from infer.graph import limit_work
from tests.shared import MASK_RCNN

LAYER = 'node {{\n  name: "{}"\n  op: "DetectionOutput"\n  attr {{\n    key: "keep_top_k"\n    value {{\n      i: {}\n    }}\n  }}\n}}\n'
OTHER = (
    'node {\n  name: "other"\n  op: "Const"\n  attr {\n    key: "keep_top_k"\n    value {\n      i: 9\n    }\n  }\n}\n'
)
GRAPH = LAYER.format("detection_out", 100) + OTHER + LAYER.format("detection_out_final", 50) + "library {\n}\n"


@pytest.mark.parametrize(("proposals", "detections", "expected"), [
    (0, 0, ["100", "9", "50"]), (20, 7, ["20", "9", "7"]), (20, 0, ["20", "9", "50"]), (0, 7, ["100", "9", "7"]),
])  # fmt: skip
def test_only_the_two_limits_change(proposals: int, detections: int, expected: list[str]) -> None:
    edited = limit_work(GRAPH, proposals, detections)
    assert re.findall(r"i: (\d+)", edited) == expected
    assert re.sub(r"i: \d+", "", edited) == re.sub(r"i: \d+", "", GRAPH)


@pytest.mark.parametrize(
    "text", ["", "garbage", OTHER, LAYER.format("detection_out", 1), GRAPH.replace("keep_top_k", "top_k")]
)
def test_a_graph_of_another_model_is_refused(text: str) -> None:
    with pytest.raises(ModelError, match="not the graph of a Mask R-CNN"):
        limit_work(text, 20, 7)


@pytest.mark.model
def test_the_shared_graph_is_edited() -> None:
    text = next(MASK_RCNN.glob("*.pbtxt")).read_text()
    edited = limit_work(text, 20, 7)
    assert [re.findall(r'keep_top_k"\s*value \{\s*i: (\d+)', t) for t in (text, edited)] == [
        ["120", "100"],
        ["20", "7"],
    ]
