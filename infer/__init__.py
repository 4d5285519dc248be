"""Infer: asks for a frame when idle, finds every object in it, and publishes boxes with small masks."""
