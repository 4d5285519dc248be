from common.process import launch

launch("capture")
