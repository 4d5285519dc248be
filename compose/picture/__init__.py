"""What is shown: the subject's edge, the background, and the blend of both."""
