"""The embedded "who": tells people apart by small networks that look for bodies, faces and persons in general."""
