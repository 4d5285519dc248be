from __future__ import annotations

from compose.settings import ComposeSettings
from infer.settings import InferSettings
from tests.settings import read


def test_infer_and_compose_agree_on_how_old_a_mask_may_be() -> None:
    for argv, *limits_ms in (
        ([], 750, 2000),
        (["--max-infer-hz", "2"], 1250, 2000),
        (["--max-infer-hz", "0.5"], 2750, 2750),
        (["--max-mask-age", "300"], 300, 300),
        (["--max-mask-age", "3000"], 3000, 3000),
    ):
        composing = read(ComposeSettings, *argv)
        assert [composing.mask_age_limit_ms, composing.mask_age_alone_ms] == limits_ms
        assert read(InferSettings, *argv).mask_age_limit_ms == limits_ms[0]


def test_a_mask_may_be_older_where_results_were_asked_to_be_rare() -> None:
    for argv, limit in (
        ([], 750), (["--max-infer-hz", "1"], 1750), (["--max-mask-age", "400"], 400),
        (["--max-mask-age", "400", "--max-infer-hz", "1"], 400),
    ):  # fmt: skip
        assert read(ComposeSettings, *argv).mask_age_limit_ms == limit
