"""Edits the text graph of a Mask R-CNN. Pure."""

from __future__ import annotations

import re

from common.errors import ModelError

_NODE = re.compile(r"^node \{\n(?:.*\n)*?^\}", re.MULTILINE)
_KEEP = re.compile(r'(key:\s*"keep_top_k"\s*value\s*\{\s*i:\s*)(\d+)')


def limit_work(pbtxt: str, proposals: int, detections: int) -> str:
    """Set `keep_top_k` of the two DetectionOutput layers: the first proposes regions, the second detects objects.

    Most of a forward pass is spent on the proposals, and the tutorial's graph makes 100.

    Args:
        pbtxt: Text graph in the form of OpenCV's tf_text_graph_mask_rcnn.py.
        proposals: Limit of the layer `detection_out`; 0 for no change.
        detections: Limit of the layer `detection_out_final`; 0 for no change.

    Raises:
        ModelError: The text does not contain these two layers.
    """
    for name, limit in (("detection_out", proposals), ("detection_out_final", detections)):
        node = next((m for m in _NODE.finditer(pbtxt) if f'  name: "{name}"\n' in m[0]), None)
        if node is None or 'op: "DetectionOutput"' not in node[0] or not _KEEP.search(node[0]):
            raise ModelError(
                f"the .pbtxt is not the graph of a Mask R-CNN: expected a DetectionOutput layer {name!r} with "
                "keep_top_k, got none; use the .pbtxt that belongs to the .pb"
            )
        if limit:
            edited = _KEEP.sub(rf"\g<1>{limit}", node[0])
            pbtxt = pbtxt[: node.start()] + edited + pbtxt[node.end() :]
    return pbtxt
