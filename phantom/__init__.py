"""The phantom: simulated skin, probe and camera, below the real drivers, for the demo, tests and benchmarks.

Skin: `optics` and `tones` (colour of skin against its blood), `curves` (refill with a known 90 % time), `skin` (blood
volume driven by pressure), `physiology` (pulse, respiration, slow wave, the hand). Pictures: `geometry`, `camera`,
`disturbance`, `scene`. What a caller uses: `spec.PressSpec`, `trace.simulate` (region means, no pixels),
`recording.write_recording`, `live.LiveScene`. Every simulated press knows its `truth`. `leg` draws photos of mottled
legs, `bench` is the simulated device under calibration.

Imports `calibration` and what that stands on; production code never asks whether it is being simulated.
"""
