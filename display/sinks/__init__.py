"""Where the composites go: one file a sink."""
