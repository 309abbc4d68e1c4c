"""A bedside machine of which everything is known and well."""

from device.health import (
    BrokerFacts,
    CalibrationFacts,
    CameraFacts,
    DiskFacts,
    Facts,
    FeedFacts,
    JournalFacts,
    ProbeFacts,
    TemperatureFacts,
)

CAMERA = CameraFacts(fps=60, expected_fps=60, dropped_share=0.0, settings_held=True)
WELL = Facts(
    camera=CAMERA,
    probe=ProbeFacts(reachable=True),
    calibration=CalibrationFacts(days_left=200),
    clock_synchronised=True,
    disk=DiskFacts(free_mb=20_000, minimum_mb=200, writable=True),
    journal=JournalFacts(),
    broker=BrokerFacts(connected=True),
    feed=FeedFacts(unsent=0),
    temperature=TemperatureFacts(board_c=50, slowed=False, under_voltage=False),
)
