"""Sources of frames: a camera or network stream, a video file, a folder of images, the demo scene."""
