"""The trial side's units: what systemd does for them, and that they fit the code."""

import re
import shlex

import pytest

from firmware_config.redcap import Redcap
from tests.systemd.units_bench import SYSTEMD, settings
from trial.crf.redcap_api import TIMEOUT_S
from trial.ingest import STALL_S

SERVICES = ("refill-trial-ingest.service", "refill-trial-backup.service", "refill-trial-redcap.service")
TIMER = "refill-trial-backup.timer"


@pytest.mark.parametrize("name", SERVICES)
def test_it_takes_the_sites_own_configuration(name: str) -> None:
    (line,) = settings(name)["ExecStart"]
    words = shlex.split(line)
    assert words[words.index("--config") + 1] == "/etc/refill"


def test_the_ingester_starts_again_whatever_ends_it_but_a_wrong_configuration() -> None:
    service = settings(SERVICES[0])
    assert service["Restart"] == ["always"]
    assert service["RestartPreventExitStatus"] == ["2"]
    assert float(service["TimeoutStopSec"][0]) > 2 * STALL_S


def test_the_redcap_feed_takes_its_token_by_the_name_that_the_configuration_has_and_starts_again() -> None:
    service = settings(SERVICES[2])
    assert Redcap(url="https://redcap.example.org/api/").token_credential in service["LoadCredential"]
    assert (service["Restart"], service["RestartPreventExitStatus"]) == (["always"], ["2"])
    assert float(service["TimeoutStopSec"][0]) > TIMEOUT_S
    assert settings(SERVICES[2], "[Install]")["WantedBy"] == ["multi-user.target"]
    assert "token" not in service["ExecStart"][0]


def test_the_page_may_let_its_count_give_way() -> None:
    assert settings("refill-trial-serve.service")["SystemCallFilter"][-1] == "setpriority"


def test_backups_lie_in_a_folder_of_their_own_and_old_ones_go() -> None:
    service = settings(SERVICES[1])
    (line,) = service["ExecStart"]
    words = shlex.split(line)
    assert words[3].removeprefix("/var/lib/") in service["StateDirectory"][0].split()
    assert int(words[words.index("--keep") + 1]) >= 14
    assert service["Type"] == ["oneshot"]
    assert "Restart" not in service
    assert settings(TIMER, "[Timer]")["Persistent"] == ["true"]


@pytest.mark.parametrize("name", SERVICES)
def test_they_reach_the_network_and_no_device_and_keep_trial_data_to_themselves(name: str) -> None:
    service = settings(name)
    assert set(service["RestrictAddressFamilies"][0].split()) == {"AF_INET", "AF_INET6", "AF_UNIX"}
    assert service["PrivateDevices"] == ["yes"]
    assert "DeviceAllow" not in service
    assert "SupplementaryGroups" not in service
    assert service["CapabilityBoundingSet"] == [""]
    assert (service["UMask"], service["StateDirectoryMode"]) == (["0077"], ["0700"])
    assert "refill-trial" in service["StateDirectory"][0].split()
    assert service["User"] == ["refill-trial"]
    secret = re.compile(r"://\w+:|password|secret", re.IGNORECASE)
    lines = (SYSTEMD / name).read_text(encoding="utf-8").splitlines()
    names_only = ("#", "LoadCredential=")
    assert not [line for line in lines if not line.startswith(names_only) and secret.search(line)]
