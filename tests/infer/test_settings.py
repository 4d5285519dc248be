from __future__ import annotations

import pytest

from common.errors import ConfigError
from infer.settings import InferSettings
from tests.settings import read


@pytest.mark.parametrize("given", ["--backend", "--backend=cuda", "--target", "ONLYME_BACKEND", "ONLYME_TARGET"])
def test_the_settings_that_device_replaces_are_refused(given: str) -> None:
    argv, env = ([given, "cuda"], {}) if given.startswith("-") else ([], {given: "cuda"})
    with pytest.raises(
        ConfigError, match=r"^(--|ONLYME_)\w+: expected --device or ONLYME_DEVICE, which replaces it"
    ) as error:
        read(InferSettings, *argv, env=env)
    assert given.partition("=")[0] in str(error.value)
    assert "\n" not in str(error.value)


def test_an_unknown_device_is_refused() -> None:
    assert read(InferSettings).device == "auto"
    assert read(InferSettings, env={"ONLYME_DEVICE": "cuda"}).device == "cuda"
    with pytest.raises(ConfigError, match="one of auto, cpu, cuda, tensorrt, coreml, directml, openvino, got 'tpu'"):
        read(InferSettings, "--device", "tpu")
