"""Cameras behind one port (`device.ports.Camera`): the Pi's own, a recording, the phantom's, and any with faults.

Every frame carries the start of its exposure in CLOCK_BOOTTIME ns, as libcamera's SensorTimestamp does; arrival time is
never used. Nothing here is kept: frames go to the sampler and are gone.
"""
