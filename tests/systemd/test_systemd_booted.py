"""The services under Debian's own systemd, in a booted container: started, hung, killed, looped, stopped, switched off.

One machine for the whole file: each test leaves every service running, but the last one, which switches it off.
"""

import contextlib
import json
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from contract.reading import BodySite, Side, Subject
from device.console_client import ConsoleClient
from device.console_words import Choice, Choose, Measure
from device.journal import Deliveries
from tests.systemd.inside import ELSEWHERE
from tests.systemd.machine_bench import Machine, machine, until
from tests.systemd.machine_deeds import (
    BEDSIDE,
    DEVICE,
    INGEST,
    KIOSK,
    PRESS,
    PROBE,
    PUBLISH,
    SCREEN,
    UP_S,
    WINDOW,
    all_up,
    back,
    drop_in,
    lines_closed,
    pids,
    stop_the_target,
    tried,
)
from tests.systemd.machine_place import LASTING, SECRETS, NoRootError
from tests.systemd.units_bench import PROGRAM

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def booted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    with contextlib.ExitStack() as opened:
        try:
            running = opened.enter_context(machine(tmp_path_factory.mktemp("systemd")))
        except NoRootError as error:
            if os.environ.get("CI"):
                raise
            pytest.skip(str(error))
        # What no rule of ours lets through can be told from what is not there.
        running.run("mknod", "--mode=666", "/dev/refill-tried", "c", "10", "200", check=True)
        subprocess.run(
            ["nsenter", f"--net=/proc/{running.leader}/ns/net", "ip", "address", "add", f"{ELSEWHERE}/32", "dev", "lo"],
            check=True,
            timeout=10,
        )
        running.systemctl("restart", *LASTING)
        yield running


@pytest.fixture
def well(booted: Machine) -> Iterator[Machine]:
    """Every service is up, before and after; how often the tests before have started it counts no more."""
    booted.systemctl("reset-failed", *LASTING)
    # A test that failed in the middle takes no other one with it.
    booted.run("systemctl", "start", "refill.target", *LASTING)
    all_up(booted)
    yield booted
    all_up(booted)


def test_all_become_ready_in_the_order_of_the_table(well: Machine) -> None:
    stop_the_target(well)
    well.systemctl("start", "refill.target")
    shown = {name: well.shown(name) for name in (*DEVICE, "refill.target")}
    ready = {name: int(values["ActiveEnterTimestampMonotonic"]) for name, values in shown.items()}
    begun = {name: int(values["InactiveExitTimestampMonotonic"]) for name, values in shown.items()}
    assert ready[PROBE] <= begun[BEDSIDE]
    assert ready[BEDSIDE] <= begun[SCREEN]
    assert max(ready[name] for name in DEVICE) <= ready["refill.target"]
    for name in DEVICE:
        assert shown[name]["Type"] == "notify"
        assert begun[name] < ready[name], "ready is what it said itself"


def test_a_measurement_goes_from_the_skin_to_its_receipt_through_every_sandbox(well: Machine) -> None:
    choice = Choice(
        study="demo",
        subject=Subject(site="00", inclusion="0001"),
        body_site=BodySite.FINGER,
        side=Side.LEFT,
        event="inclusion",
        protocol="demo",
    )
    with ConsoleClient(well.path("/run/refill/bedside.sock")) as console:
        assert console.ask(Choose(choice=choice)) is None
        until(lambda: console.ask(Measure(choice=choice)) is None, UP_S, "a bedside that is ready")

    def delivered() -> list[Any]:
        with Deliveries.open(well.root / "var/lib/refill/journal.sqlite", read_only=True) as deliveries:
            records = list(deliveries.records())
            return records if records and deliveries.counts().unsent == 0 else []

    (record,) = until(delivered, 90, "a record with its receipt")
    assert record.reading.result.status == "measured"
    assert record.reading.simulated


def test_one_that_is_killed_comes_back_and_the_others_go_on(well: Machine) -> None:
    for name in LASTING:
        before = pids(well, *LASTING)
        well.systemctl("kill", "--kill-whom=main", "--signal=KILL", name)
        back(well, name, before.pop(name))
        assert pids(well, *before) == before, f"{name} was killed, nobody else"


def test_a_probe_killed_in_mid_press_has_its_lines_put_off_before_it_comes_back(well: Machine) -> None:
    start, before = well.now(), well.pid(PROBE)
    well.run(*PRESS, check=True)
    until(lambda: lines_closed(well), 20, "a press")
    time.sleep(1)  # into the hold
    well.systemctl("kill", "--kill-whom=main", "--signal=KILL", PROBE)
    assert lines_closed(well) or any("outputs off" in line for line in well.log(PROBE, start))
    back(well, PROBE, before)
    assert not lines_closed(well)
    said = well.log(PROBE, start)
    off = next(number for number, line in enumerate(said) if line.startswith("outputs off"))
    again = next(number for number, line in enumerate(said) if line.startswith("simulated probe"))
    assert off < again


def test_stopping_the_probe_in_mid_press_vents_and_then_puts_the_lines_off(well: Machine) -> None:
    start = well.now()
    well.run(*PRESS, check=True)
    until(lambda: lines_closed(well), 20, "a press")
    well.systemctl("stop", PROBE)
    assert not lines_closed(well)
    assert any(line.startswith("outputs off") for line in well.log(PROBE, start))
    assert well.shown(PROBE)["Result"] == "success"
    well.systemctl("start", PROBE)


def test_one_that_hangs_is_ended_by_its_watchdog_and_comes_back(well: Machine) -> None:
    start, before = well.now(), pids(well, *LASTING)
    for name in (SCREEN, PUBLISH, INGEST):
        well.systemctl("kill", "--kill-whom=main", "--signal=STOP", name)
    well.run(*PRESS, check=True)
    until(lambda: lines_closed(well), 20, "a press")
    well.systemctl("kill", "--kill-whom=main", "--signal=STOP", PROBE)
    back(well, PROBE, before[PROBE], 15)
    assert any(line.startswith("outputs off") for line in well.log(PROBE, start))
    assert not lines_closed(well)
    well.systemctl("kill", "--kill-whom=main", "--signal=STOP", BEDSIDE)
    for name, limit_s in ((BEDSIDE, 20.0), (PUBLISH, 60.0), (SCREEN, 60.0), (INGEST, 60.0)):
        back(well, name, before[name], limit_s)
    for name in (*DEVICE, INGEST):
        assert any("Watchdog timeout" in line for line in well.log(name, start)), name


def test_a_loop_of_starts_ends_failed_and_is_tried_again_but_not_what_a_person_stopped(well: Machine) -> None:
    device = well.path("/etc/refill/device.toml").read_text(encoding="utf-8")
    device = device.replace("\nkeepalive_s", '\nusername = "bed7"\npassword_credential = "nobody-has-it"\nkeepalive_s')
    well.path("/etc/refill/broken.toml").write_text(device, encoding="utf-8")
    start, others = well.now(), pids(well, PROBE, BEDSIDE, SCREEN, INGEST)
    broken = f"[Service]\nExecStart=\nExecStart={PROGRAM} publish --config /etc/refill/broken.toml\n"
    with drop_in(well, PUBLISH, broken):
        well.systemctl("restart", "--no-block", PUBLISH)
        until(lambda: well.shown(PUBLISH)["ActiveState"] == "failed", 90, "a start limit that is reached")
    said = well.log(PUBLISH, start)
    assert any("Start request repeated too quickly" in line for line in said)
    assert sum("was not handed over by systemd" in line for line in said) == 6
    assert pids(well, *others) == others
    well.systemctl("stop", SCREEN)
    assert well.is_active("refill-again.timer")
    well.systemctl("start", "refill-again.service")
    until(lambda: well.is_active(PUBLISH), UP_S, "the publisher, tried again")
    assert not well.is_active(SCREEN), "a person stopped it"
    well.systemctl("start", SCREEN)


def test_a_configuration_that_cannot_be_read_is_not_tried_in_a_loop(well: Machine) -> None:
    file = well.path("/etc/refill/device.toml")
    good = file.read_text(encoding="utf-8")
    start = well.now()
    file.write_text(good.replace("lease_s = 0.5", "lease_s = 5"), encoding="utf-8")
    try:
        well.run("systemctl", "restart", PROBE)
        until(lambda: well.shown(PROBE)["ActiveState"] == "failed", 15, "a probe that does not start")
    finally:
        file.write_text(good, encoding="utf-8")
    said = well.log(PROBE, start)
    assert any("device.toml: probe.lease_s" in line for line in said)
    assert sum("Main process exited" in line for line in said) == 1
    well.systemctl("reset-failed", PROBE)
    well.systemctl("start", PROBE)


def test_every_sandbox_denies_what_its_process_has_no_use_for(well: Machine) -> None:
    may_write = {
        PROBE: {"/var/lib/refill-probe/tried", "/run/refill-probe/tried"},
        BEDSIDE: {"/var/lib/refill/tried", "/run/refill/tried", "/run/refill/photos/tried"},
        PUBLISH: {"/var/lib/refill/tried", "/run/refill/tried", "/run/refill/photos/tried"},
        SCREEN: {"/run/refill/photos/tried"},
        INGEST: {"/var/lib/refill-trial/tried"},
    }
    for name in LASTING:
        found = tried(well, name)
        assert {path for path, how in found["write"].items() if how == "done"} == may_write[name], name
        assert found["device"] == ("EPERM" if name in (PROBE, BEDSIDE) else "ENOENT"), (
            "there, and withheld; or not there at all"
        )
        assert found["others"] == 0, f"{name} sees nobody else's processes"
        for deed in ("privileged file", "new user", "code", "clock"):
            assert found[deed] in ("EPERM", "EACCES"), (name, deed, found[deed])
        assert found["network"]["packets"] == "EAFNOSUPPORT"
        assert found["process"]["NoNewPrivs"] == "1"
        assert found["process"]["Seccomp"] == "2"
        assert {int(found["process"][key], 16) for key in ("CapEff", "CapBnd")} == {0}


def test_what_measures_has_no_network_and_the_page_none_beyond_the_hospital(well: Machine) -> None:
    network = {name: tried(well, name)["network"] for name in LASTING}
    for name in (PROBE, BEDSIDE):
        assert network[name]["loopback"] == network[name]["elsewhere"] == "EAFNOSUPPORT"
    assert (network[SCREEN]["loopback"], network[SCREEN]["elsewhere"]) == ("done", "EPERM")
    for name in (PUBLISH, INGEST):
        assert (network[name]["loopback"], network[name]["elsewhere"]) == ("done", "done")


def test_a_secret_is_read_by_the_unit_that_names_it_and_by_nobody_else(well: Machine) -> None:
    for name in SECRETS:
        assert well.run("stat", "--format=%a %U", f"/etc/credstore/{name}").split() == ["600", "root"]
    found = {name: tried(well, name) for name in LASTING}
    assert {name: tuple(each["handed over"]) for name, each in found.items()} == {
        PROBE: (),
        BEDSIDE: (),
        PUBLISH: ("refill-mqtt-key",),
        SCREEN: ("screen-pins",),
        INGEST: ("refill-mqtt-key",),
    }
    stored, handed_over = found[PUBLISH]["secrets"]
    for name, each in found.items():
        assert each["secrets"][stored] == "EACCES", name
        assert (each["secrets"][handed_over] == "done") is (name == PUBLISH), "the same user, another unit"


def test_a_key_that_a_bundle_brought_goes_before_the_one_in_the_store(well: Machine) -> None:
    well.path("/etc/refill/tls/client.key").write_text("the key of the bundle", encoding="utf-8")
    with drop_in(well, PUBLISH, "[Service]\nLoadCredential=refill-mqtt-key:/etc/refill/tls/client.key\n"):
        well.systemctl("restart", PUBLISH)
        seen = Path(f"/proc/{well.outside(PUBLISH)}/root/run/credentials/{PUBLISH}/refill-mqtt-key")
        assert seen.read_text(encoding="utf-8") == "the key of the bundle"
    well.systemctl("restart", PUBLISH)


def test_users_and_folders_are_made_and_the_journal_is_for_its_group_alone(well: Machine) -> None:
    users = dict(line.split(":", 1) for line in well.run("getent", "passwd").splitlines())
    for name in ("refill", "refill-probe", "refill-kiosk", "refill-trial"):
        assert users[name].endswith(":/usr/sbin/nologin")
    expected = {
        "/etc/refill": "755 root root",
        "/etc/credstore": "700 root root",
        "/var/lib/refill": "750 refill refill",
        "/var/lib/refill/journal.sqlite": "640 refill refill",
        "/var/lib/refill-probe": "750 refill-probe refill",
        "/var/lib/refill-trial": "700 refill-trial refill-trial",
        "/run/refill": "750 refill refill",
        "/run/refill/bedside.sock": "660 refill refill",
        "/run/refill-probe": "750 refill-probe refill",
        "/run/refill-probe/probe.sock": "660 refill-probe refill",
    }
    assert {path: well.run("stat", "--format=%a %U %G", path).strip() for path in expected} == expected


def test_the_nightly_backup_of_the_trial_is_made_in_its_sandbox(well: Machine) -> None:
    well.systemctl("start", "refill-trial-backup.service")
    kept = list((well.root / "var/lib/refill-trial-backup").iterdir())
    assert any(file.name.endswith(".json") for file in kept), kept
    assert well.shown("refill-trial-backup.service")["Result"] == "success"
    assert well.run("stat", "--format=%a %U", "/var/lib/refill-trial-backup").split() == ["700", "refill-trial"]


def test_the_display_waits_for_no_display_and_fails_nothing_where_there_is_none(well: Machine) -> None:
    well.systemctl("start", KIOSK)
    shown = well.shown(KIOSK)
    assert (shown["ActiveState"], shown["ConditionResult"]) == ("inactive", "no")


def test_the_display_is_lit_once_the_page_answers_and_again_when_it_dies(well: Machine) -> None:
    window = well.path("/usr/bin/cage")
    window.write_text(WINDOW, encoding="utf-8")
    window.chmod(0o755)
    start = well.now()
    well.systemctl("stop", SCREEN)
    with drop_in(well, KIOSK, "[Unit]\nConditionPathExistsGlob=\n"):
        well.systemctl("start", "--no-block", KIOSK)
        until(lambda: well.shown(KIOSK)["SubState"] == "start-pre", 10, "a display that waits")
        well.systemctl("start", SCREEN)

        def shown() -> list[str]:
            return [line for line in well.log(KIOSK, start) if line.startswith("shown")]

        until(shown, UP_S, "a page on the display")
        before = well.pid(KIOSK)
        well.systemctl("kill", "--kill-whom=main", "--signal=KILL", KIOSK)
        back(well, KIOSK, before)
        again = until(lambda: shown()[1:], 10, "the page again")
        well.systemctl("stop", KIOSK)
    window.unlink()
    user, answer, elsewhere, *command = json.loads(again[0].removeprefix("shown "))
    assert (user, answer, elsewhere) == ("refill-kiosk", 200, "EPERM")
    assert command[1:4] == ["/bin/sh", "-c", 'exec "$(command -v chromium || command -v chromium-browser)" "$@"']
    assert command[-1] == "http://127.0.0.1:8480/"


def test_the_rules_for_the_hardware_are_read_without_a_complaint(well: Machine) -> None:
    done = well.run("sh", "-c", "udevadm test /devices/virtual/mem/null 2>&1")
    assert "70-refill.rules" in done
    assert not [line for line in done.splitlines() if "70-refill.rules:" in line]


def test_stopping_the_target_stops_the_device_and_nothing_else(well: Machine) -> None:
    ingest = well.pid(INGEST)
    stop_the_target(well)
    for name in DEVICE:
        shown = well.shown(name)
        assert (shown["ActiveState"], shown["Result"]) == ("inactive", "success"), name
    assert not well.is_active("refill-again.timer")
    assert well.pid(INGEST) == ingest
    well.systemctl("start", "refill.target")


def test_it_is_switched_off_in_order_and_the_journal_is_whole(booted: Machine) -> None:
    all_up(booted)
    root: Path = booted.root
    assert booted.halt() == 0, booted.console()
    read = ["journalctl", f"--directory={root}/var/log/journal", "--output=cat"]
    for name in DEVICE:
        said = subprocess.run([*read, f"--unit={name}"], capture_output=True, text=True, timeout=30, check=True).stdout
        last = said.rindex(f"Stopping {name}")
        assert "Deactivated successfully" in said[last:], name
        assert "killing" not in said[last:].lower()
    with Deliveries.open(root / "var/lib/refill/journal.sqlite", read_only=True) as deliveries:
        assert deliveries.counts().records == 1
