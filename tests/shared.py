"""Where the shared weights and footage lie, where they do: beside the project root."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"
MASK_RCNN = SHARED / "mask-rcnn-coco"
MASK_RCNN_2GO = SHARED / "mask-rcnn-2go-int8"
FOOTAGE = SHARED / "footage"
SCORE = SHARED / "tools" / "score.py"
SEQUENTIAL = SHARED / "tools" / "sequential_loop.py"
SIGNERS = FOOTAGE / "webcam-signers-AB"
