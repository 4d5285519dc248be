"""Frames in shared memory, and messages about them between processes."""
