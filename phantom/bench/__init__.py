"""The simulated device on the calibration bench: hidden errors, and a rig on which the steps have to find them."""
