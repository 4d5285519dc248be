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


@pytest.mark.model
def test_the_worker_goes_on_on_the_processor(run_dir: Path, tmp_path: Path) -> None:
    scene = PatternedScene(WIDTH, HEIGHT, 30)
    write_onnx(MASK_RCNN_2GO, tmp_path / "model.onnx")
    settings = {**SIZE, "mask_rcnn": tmp_path, "device": "cuda", "threads": 1}
    modules = {"capture": PATTERNED, "infer": "tests.faults.failing_device"}
    with watched_call(settings, run_dir, LeakOracle(scene), modules=modules) as call:
        call.wait_live()
        failed = call.wait("the device's end", lambda: call.saying(FAILED))[0]
        hidden = call.wait_hidden(failed)
        assert hidden.message.reason == "mask older than 750 ms"
        again = call.wait_live(hidden.at)
        call.wait("looks that the failed device would not have had", lambda: call.watch.live(again.at + 3))
    assert len(call.saying("ms on cpu; cpu is used", failed)) == 1
    assert len(call.saying(FAILED)) == len(call.saying("restarting in")) == 1
    assert not call.saying("Traceback")
    assert nothing_leaked(call.watch)
