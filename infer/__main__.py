from common.process import launch

launch("infer")
