"""Settings: how they are declared, checked and read. Each stage declares its own in its settings.py."""
