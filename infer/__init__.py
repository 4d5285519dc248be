"""Infer: requests a frame when idle, detects the objects in it, and publishes their boxes and small masks."""

from common.runtime.environment import refuse_telemetry

refuse_telemetry()
