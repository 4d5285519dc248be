from common.process import launch

launch("compose")
