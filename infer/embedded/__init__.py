"""The embedded detector: small networks that find bodies, faces and people in general, and tell people apart."""
