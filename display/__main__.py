from common.process import launch

launch("display")
