"""Who the subject is, and where, from frame to frame."""
