"""Sources of frames: a camera or network camera, a video file, a folder of images, the demo scene."""
