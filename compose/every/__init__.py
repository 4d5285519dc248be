"""Compose with `--pace every`: every frame of a recording, judged with results before and after it."""
