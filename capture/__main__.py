from common.runtime.supervisor import launch

launch("capture")
