from common.runtime.supervisor import launch

launch("compose")
