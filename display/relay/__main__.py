from common.process import launch

launch("relay", "display.relay")
