"""A device that fails in the middle of a call: the worker goes on on the processor, and nothing is shown meanwhile."""

from __future__ import annotations

from pathlib import Path

import pytest

from infer.to_onnx import write_onnx
from tests.faults.oracle import LeakOracle
from tests.faults.scenes import PATTERNED, PatternedScene
from tests.faults.watch import nothing_leaked, watched_call
from tests.faults.worker import HEIGHT, SIZE, WIDTH
from tests.shared import MASK_RCNN_2GO

FAILED = "cuda has failed: CUDA failure 719: unspecified launch failure"
ON_PROCESSOR = "ms on cpu; cpu is used"


@pytest.mark.model
def test_the_worker_goes_on_on_the_processor(run_dir: Path, tmp_path: Path) -> None:
    scene = PatternedScene(WIDTH, HEIGHT, 30)
    write_onnx(MASK_RCNN_2GO, tmp_path / "model.onnx")
    settings = {**SIZE, "mask_rcnn": tmp_path, "device": "cuda", "threads": 1}
    modules = {"capture": PATTERNED, "infer": "tests.faults.failing_device"}
    with watched_call(settings, run_dir, LeakOracle(scene), modules=modules) as call:
        call.wait_live()
        failed = call.wait("the device's end", lambda: call.saying(FAILED))[0]
        # whether masks die of age meanwhile depends on how soon the worker is back; the oracle judges their age
        again = call.wait_live(call.wait("the processor", lambda: call.saying(ON_PROCESSOR, failed))[0])
        call.wait("looks that the failed device would not have had", lambda: call.watch.live(again.at + 3))
    assert len(call.saying(ON_PROCESSOR, failed)) == 1
    assert len(call.saying(FAILED)) == len(call.saying("restarting in")) == 1
    assert not call.saying("Traceback")
    assert nothing_leaked(call.watch)
