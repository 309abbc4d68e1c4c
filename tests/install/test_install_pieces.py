"""Boot files, packages and bundles by themselves: what an engineer's own lines and files go through."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_config.install import boot, packages, placed
from firmware_config.install.bundled import BundleError, checked, seal
from firmware_config.install.machine import InstallError, link, write
from firmware_config.install.packages import Package
from tests.install.machine_double import TREE, Answers, Double

LINES = st.lists(st.sampled_from(["", "dtparam=audio=on", "[pi5]", "# a remark", "  gpu_mem=16", boot.END]), max_size=8)


@given(LINES, st.booleans(), LINES)
def test_our_lines_come_and_go_and_leave_every_other_line(before: list[str], ends: bool, after: list[str]) -> None:
    text = "\n".join(before) + ("\n" if ends else "")
    whole = boot.with_block(text, "gpio=12=op,dl")
    assert boot.with_block(whole, "gpio=12=op,dl") == whole, "written twice is written once"
    assert whole.count(boot.BEGIN) == 1
    tail = "".join(f"{line}\n" for line in after)
    changed = boot.with_block(whole + tail, "gpio=13=op,dl")
    assert changed.endswith(tail)
    assert "gpio=12" not in changed
    without = boot.without_block(changed)
    assert [line for line in without.splitlines() if line] == [line for line in [*before, *after] if line]


def test_a_block_that_somebody_has_cut_off_is_left_and_a_whole_one_is_written_behind_it() -> None:
    cut = f"a=1\n{boot.BEGIN}\n[all]\ngpio=12=op,dl\n"
    whole = boot.with_block(cut, "gpio=13=op,dl")
    assert whole.startswith(cut)
    assert whole.endswith(f"gpio=13=op,dl\n{boot.END}\n")


@given(st.lists(st.sampled_from(["console=tty1", "rootwait", "cgroup_enable=memory", "quiet"]), unique=True))
def test_the_kernels_line_stays_one_line_and_gets_back_what_it_was(words: list[str]) -> None:
    line = " ".join(words) + "\n"
    changed, added = boot.with_words(line)
    assert changed.count("\n") == 1
    assert set(boot.WORDS) <= set(changed.split())
    assert boot.without_words(changed, added).split() == words, "a word that was there before us stays"


def test_a_machine_without_a_boot_partition_gets_no_boot_settings(tmp_path: Path) -> None:
    device = Double(tmp_path / "device", Answers())
    for path in (boot.CONFIG, boot.CMDLINE):
        device.at(path).unlink()
    assert placed.boot_texts(device, "gpio=12=op,dl") == {}


def test_what_was_there_before_us_is_kept_once_and_not_overwritten_by_our_own(tmp_path: Path) -> None:
    device = Double(tmp_path / "device", Answers())
    boot.put(device, boot.CONFIG, "second\n")
    boot.put(device, boot.CONFIG, "third\n")
    assert device.at(boot.CONFIG + boot.BACKUP).read_text() == "dtparam=audio=on\n"


def test_a_file_is_whole_or_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "unit"
    write(path, b"old")
    monkeypatch.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(OSError("full")))
    with pytest.raises(OSError, match="full"):
        write(path, b"new")
    assert path.read_bytes() == b"old"
    assert [one.name for one in tmp_path.iterdir()] == ["unit"], "a part of the new one stays behind"


def test_a_link_is_turned_also_where_a_killed_installer_left_half_of_it(tmp_path: Path) -> None:
    (tmp_path / ".current.part").symlink_to("nowhere")
    link(tmp_path / "current", "releases/a")
    link(tmp_path / "current", "releases/b")
    assert str((tmp_path / "current").readlink()) == "releases/b"


def test_python_3_11_has_lgpio_from_the_lock_and_3_13_from_the_system() -> None:
    def names(python: tuple[int, int]) -> set[str]:
        return {package.names[0] for package in packages.wanted(python, kiosk=False)}

    assert names((3, 13)) - names((3, 11)) == {"python3-lgpio"}


def test_a_display_is_what_brings_a_browser() -> None:
    with_one = {package.names[0] for package in packages.wanted((3, 13), kiosk=True)}
    without = {package.names[0] for package in packages.wanted((3, 13), kiosk=False)}
    assert {"cage", "chromium"} <= with_one - without


def test_a_package_under_its_older_name_is_not_missing(tmp_path: Path) -> None:
    device = Double(tmp_path / "device", Answers())
    missing = packages.missing(device, packages.wanted((3, 13), kiosk=True))
    assert [package.names[0] for package in missing] == ["python3-picamera2"]


def test_what_only_raspberry_pi_os_has_is_left_out_elsewhere_and_said(tmp_path: Path) -> None:
    device = Double(tmp_path / "device", Answers(lacking=("python3-picamera2", "python3-lgpio")))
    rows = [row for row in packages.wanted((3, 13), kiosk=False) if row.without]
    assert packages.install(device, rows, None) == [
        "python3-lgpio is not in apt's sources here: no pins",
        "python3-picamera2 is not in apt's sources here: no camera",
    ]
    device.at("/etc/rpi-issue").touch()
    with pytest.raises(InstallError, match=r"apt's sources have no python3-lgpio \(pins"):
        packages.install(device, rows, None)


def test_the_name_that_this_release_has_is_installed(tmp_path: Path) -> None:
    device = Double(tmp_path / "device", Answers(lacking=("libglib2.0-0t64",)))
    rows = [row for row in packages.wanted((3, 13), kiosk=False) if "libglib2.0-0" in row.names]
    assert packages.install(device, rows, None) == []
    assert device.commands[-1].endswith("--no-install-recommends libglib2.0-0")


def test_a_package_that_is_needed_everywhere_is_never_left_out(tmp_path: Path) -> None:
    device = Double(tmp_path / "device", Answers(lacking=("libgl1",)))
    with pytest.raises(InstallError, match=r"apt's sources have no libgl1 \(OpenCV"):
        packages.install(device, [row for row in packages.PACKAGES if "libgl1" in row.names], None)


def test_an_interrupted_dpkg_is_seen(tmp_path: Path) -> None:
    device = Double(tmp_path / "device", Answers())
    assert not packages.interrupted(device)
    with device.at("/var/lib/dpkg/status").open("a") as file:
        file.write("\nPackage: libgl1-mesa-dri\nStatus: install ok half-configured\n")
    assert packages.interrupted(device)


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    folder = tmp_path / "bundle"
    (folder / "wheels").mkdir(parents=True)
    (folder / "wheels/a.whl").write_bytes(b"a")
    (folder / "README.txt").write_text("how\n")
    seal(folder)
    return folder


def test_a_bundle_as_it_was_made_is_taken(bundle: Path) -> None:
    assert checked(bundle) == bundle


def test_every_file_of_a_bundle_that_is_not_as_it_was_made_is_named(bundle: Path) -> None:
    (bundle / "wheels/a.whl").write_bytes(b"b")
    (bundle / "README.txt").unlink()
    (bundle / "wheels/b.whl").touch()
    with pytest.raises(BundleError) as told:
        checked(bundle)
    assert str(told.value).splitlines() == [
        f"{bundle}/README.txt: missing",
        f"{bundle}/wheels/b.whl: not of this bundle",
        f"{bundle}/wheels/a.whl: changed",
    ]


def test_a_link_in_a_bundle_is_refused_wherever_it_points(tmp_path: Path, bundle: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "file").write_text("not of this bundle", encoding="utf-8")
    (bundle / "to-a-file").symlink_to(elsewhere / "file")
    (bundle / "to-a-folder").symlink_to(elsewhere)
    seal(bundle)
    with pytest.raises(BundleError) as told:
        checked(bundle)
    assert str(told.value).splitlines() == [f"{bundle / name}: a link" for name in ("to-a-file", "to-a-folder")]


def test_a_file_called_like_the_list_deeper_in_a_bundle_is_held_to_its_checksum(bundle: Path) -> None:
    (bundle / "deeper").mkdir()
    (bundle / "deeper" / "SHA256SUMS").write_text("code", encoding="utf-8")
    with pytest.raises(BundleError, match="deeper/SHA256SUMS: not of this bundle"):
        checked(bundle)


def test_a_list_of_checksums_that_is_no_text_is_named(bundle: Path) -> None:
    (bundle / "SHA256SUMS").write_bytes(b"\xff\xfe")
    with pytest.raises(BundleError, match="SHA256SUMS: not a list of checksums"):
        checked(bundle)


def test_a_folder_that_is_no_bundle_is_said_to_be_none(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"SHA256SUMS: not there: is this a folder of `make bundle-pi`\?"):
        checked(tmp_path)


def test_a_bundle_without_debs_names_what_is_missing(tmp_path: Path, bundle: Path) -> None:
    device = Double(tmp_path / "device", Answers())
    with pytest.raises(InstallError, match=r"the bundle has no debs.*these are missing: libgl1"):
        packages.install(device, [Package(("libgl1",), "OpenCV")], bundle / "debs")
    assert not device.commands


@pytest.mark.parametrize("kiosk", [True, False])
def test_every_unit_of_the_device_is_placed_whatever_its_kind(kiosk: bool) -> None:
    others = {".sysusers", ".tmpfiles", ".rules", ".json", ".md"}
    units = {path.name for path in (TREE / "systemd").iterdir() if path.suffix not in others}
    ours = {name for name in units if not name.startswith("refill-trial") and (kiosk or "kiosk" not in name)}
    found = placed.wanted(TREE, None, kiosk=kiosk)
    assert {Path(path).name for path in found if Path(path).parent == Path(placed.UNITS)} == ours
