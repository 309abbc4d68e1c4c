"""A device's own camera, probe and light under calibration: `calibration.rig.Rig` on the ports that the bedside uses.

Everything blocks, and one engineer waits for it. However it ends, Ctrl-C included, the probe is asked to release, the
light's line is let go and the camera is closed.
"""
