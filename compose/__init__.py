"""Compose: keeps the subject of each frame and hides the rest. The only stage whose pictures leave the machine."""
