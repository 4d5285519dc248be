"""What every stage shares: ring, messages, streams, settings, launching, counters, assets, errors."""
