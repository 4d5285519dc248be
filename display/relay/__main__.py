from common.runtime.supervisor import launch

launch("relay", "display.relay")
