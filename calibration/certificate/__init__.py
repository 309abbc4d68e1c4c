"""The certificate of a device's calibration: made, signed by the device, kept, and held against the device as it is."""
