"""Photos and landmarks as files: upright whatever the camera says, and one line for what cannot be read."""

import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from mottling_photo_bench import chunk, picture, refused, saved, turned

from refill.mottling_files import LEAST_WORKING_PX, BadFileError, photo_of, read_landmarks, read_photo

BACK = {
    1: lambda seen: seen,
    2: lambda seen: seen[:, ::-1],
    3: lambda seen: seen[::-1, ::-1],
    4: lambda seen: seen[::-1],
    5: lambda seen: seen.transpose(1, 0, 2),
    6: lambda seen: np.rot90(seen, 1),
    7: lambda seen: seen.transpose(1, 0, 2)[::-1, ::-1],
    8: lambda seen: np.rot90(seen, -1),
}
"""How the sensor held the picture that a viewer shows upright, by the Exif orientation that undoes it."""


@pytest.mark.slow
@pytest.mark.parametrize("orientation", BACK)
@pytest.mark.parametrize("size", [(160, 240), (3200, 2400)])
def test_a_phone_s_photo_is_seen_upright(tmp_path: Path, orientation: int, size: tuple[int, int]) -> None:
    upright = picture(*size)
    path = turned(saved(tmp_path / "leg.jpg", np.ascontiguousarray(BACK[orientation](upright))), orientation)
    photo = read_photo(path)
    small = cv2.resize(upright, photo.picture.shape[1::-1], interpolation=cv2.INTER_AREA)
    assert np.abs(photo.picture.astype(int) - small).mean() < 4
    assert photo.whole().shape == upright.shape


def test_a_png_is_turned_by_its_own_orientation(tmp_path: Path) -> None:
    photo = read_photo(turned(saved(tmp_path / "leg.png", np.ascontiguousarray(BACK[6](picture()))), 6))
    assert (photo.picture == picture()).all()


def test_an_orientation_that_is_none_changes_nothing(tmp_path: Path) -> None:
    photo = read_photo(turned(saved(tmp_path / "leg.jpg", picture()), 77))
    assert np.abs(photo.picture.astype(int) - picture()).mean() < 4


@pytest.mark.parametrize(
    ("width", "height", "factor"),
    [
        (1000, 800, 1),
        (2 * LEAST_WORKING_PX - 1, 500, 1),
        (2 * LEAST_WORKING_PX, 500, 2),
        (500, 4 * LEAST_WORKING_PX, 4),
        (12 * LEAST_WORKING_PX, 300, 8),
    ],
)
def test_a_large_photo_is_decoded_smaller_and_keeps_its_places(
    tmp_path: Path, width: int, height: int, factor: int
) -> None:
    photo = read_photo(saved(tmp_path / "leg.jpg", picture(width, height)))
    assert photo.factor == factor
    assert photo.picture.shape == (-(-height // factor), -(-width // factor), 3)
    assert photo.to_whole((0.0, 0.0)) == ((factor - 1) / 2, (factor - 1) / 2)
    assert photo.from_whole(photo.to_whole((12.25, 99.5))) == pytest.approx((12.25, 99.5))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["leg.jpg", "leg.png"])
def test_a_mark_is_where_it_was_in_the_photo_looked_at_smaller(tmp_path: Path, name: str) -> None:
    seen = np.full((2400, 3200, 3), 90, np.uint8)
    cv2.circle(seen, (2101, 1333), 40, (90, 90, 250), -1)
    photo = read_photo(saved(tmp_path / name, seen))
    y, x = np.nonzero(photo.picture[..., 2] > 170)
    assert photo.factor == 2
    assert photo.to_whole((float(x.mean()), float(y.mean()))) == pytest.approx((2101, 1333), abs=0.5)


def test_a_progressive_jpeg_is_read(tmp_path: Path) -> None:
    path = saved(tmp_path / "leg.jpg", picture(), cv2.IMWRITE_JPEG_PROGRESSIVE, 1)
    assert np.abs(read_photo(path).picture.astype(int) - picture()).mean() < 4


def test_what_phones_write_behind_and_cameras_before_the_end_of_a_jpeg_does_no_harm(tmp_path: Path) -> None:
    content = saved(tmp_path / "leg.jpg", picture()).read_bytes()
    for odd in (content + b"a short film" * 100, content[:-2] + bytes(6) + content[-2:]):
        assert (photo_of(odd).picture == photo_of(content).picture).all()


def test_png_is_read_with_16_bits_and_with_transparency(tmp_path: Path) -> None:
    deep = saved(tmp_path / "deep.png", picture().astype(np.uint16) * 257)
    clear = np.concatenate([picture(), np.full((240, 160, 1), 100, np.uint8)], axis=2)
    for path in (deep, saved(tmp_path / "clear.png", clear)):
        assert (read_photo(path).picture == picture()).all()


@pytest.mark.parametrize(("name", "seen"), [("g.jpg", picture()[..., 0]), ("g.png", picture()[..., 0])])
def test_a_grey_picture_is_refused(tmp_path: Path, name: str, seen: np.ndarray) -> None:
    refused(saved(tmp_path / name, seen), words="a grey picture")


def test_a_picture_for_print_is_refused(tmp_path: Path) -> None:
    content = bytearray(saved(tmp_path / "leg.jpg", picture()).read_bytes())
    frame = content.index(b"\xff\xc0")
    content[frame + 9] = 4
    (tmp_path / "leg.jpg").write_bytes(content)
    refused(tmp_path / "leg.jpg", words="CMYK")


@pytest.mark.parametrize("name", ["leg.jpg", "leg.png"])
@pytest.mark.parametrize("share", [0.01, 0.2, 0.5, 0.9, 0.999])
def test_a_truncated_photo_is_refused_and_never_half_judged(tmp_path: Path, name: str, share: float) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (120, 160, 3), dtype=np.uint8)
    path = saved(tmp_path / name, noise)
    content = path.read_bytes()
    path.write_bytes(content[: max(4, int(share * len(content)))])
    with pytest.raises(BadFileError, match=rf"^{path}: (the picture is truncated|not a PNG or JPEG picture)$"):
        read_photo(path)


def test_a_png_with_one_bit_turned_is_refused(tmp_path: Path) -> None:
    path = saved(tmp_path / "leg.png", picture())
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    refused(path, words="damaged")


def test_a_bomb_is_refused_by_what_it_says_of_itself(tmp_path: Path) -> None:
    header = (60_000).to_bytes(4, "big") * 2 + bytes([8, 2, 0, 0, 0])
    bomb = (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    )
    (tmp_path / "bomb.png").write_bytes(bomb)
    refused(tmp_path / "bomb.png", words="60000 x 60000 pixels are more than the 64 million allowed")


def test_a_photo_of_200_megapixels_is_refused(tmp_path: Path) -> None:
    content = bytearray(saved(tmp_path / "leg.jpg", picture()).read_bytes())
    frame = content.index(b"\xff\xc0")
    content[frame + 5 : frame + 9] = (12_240).to_bytes(2, "big") + (16_320).to_bytes(2, "big")
    (tmp_path / "leg.jpg").write_bytes(content)
    refused(tmp_path / "leg.jpg", words="16320 x 12240 pixels are more than")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "the file is empty"),
        (b"no picture at all" * 100, "not a PNG or JPEG picture"),
        (b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic" + bytes(500), "HEIC"),
        (b"GIF89a" + bytes(100), "not a PNG or JPEG picture"),
        (b"\xff\xd8\xff", "truncated"),
        (b"\xff\xd8\xff\xe0\x00\x00" + bytes(100), "damaged"),
        (b"\xff\xd8\xff\xda\x00\x02" + bytes(100), "damaged"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "damaged"),
    ],
)
def test_a_file_that_is_no_photo(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "leg.jpg"
    path.write_bytes(content)
    refused(path, words=words)


def test_a_jpeg_whose_data_are_damaged_is_refused_rather_than_judged_in_grey_blocks(tmp_path: Path) -> None:
    path = saved(tmp_path / "leg.jpg", np.random.default_rng(2).integers(0, 255, (240, 320, 3), dtype=np.uint8))
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2] + content[len(content) // 2 + 4000 :])
    refused(path, words="the picture is damaged")


@pytest.mark.parametrize("kind", ["jpg", "png"])
@pytest.mark.parametrize("seed", range(60))
def test_random_damage_is_a_photo_or_one_line_and_nothing_else(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], kind: str, seed: int
) -> None:
    chance = np.random.default_rng(seed)
    content = bytearray(saved(tmp_path / f"leg.{kind}", picture(40, 30)).read_bytes())
    for place in chance.integers(0, len(content), 1 + seed % 4):
        content[place] = chance.integers(0, 256)
    said = "a picture"
    try:
        photo_of(bytes(content))
    except ValueError as error:
        said = str(error)
    assert said.isprintable()
    assert capfd.readouterr() == ("", "")


def test_a_line_is_no_photo(tmp_path: Path) -> None:
    refused(saved(tmp_path / "line.png", picture(3 * LEAST_WORKING_PX, 1)), words="the picture is a line")


def test_missing_files_and_folders(tmp_path: Path) -> None:
    refused(tmp_path / "gone.jpg", words=f"{tmp_path / 'gone.jpg'}: no such file")
    refused(tmp_path, words="not a file")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"knee": [1, 2]}', "patella"),
        ('{"knee": [1, 2], "patella": [1]}', "patella"),
        ('{"knee": [1, 2], "patella": [1, 2, 3]}', "patella"),
        ('{"knee": [1, "a"], "patella": [1, 2]}', "knee.1"),
        ('{"knee": [1, NaN], "patella": [1, 2]}', "knee.1"),
        ('{"knee": [1, 1e999], "patella": [1, 2]}', "knee.1"),
        ('{"knee": [1, 2], "patella": [1, 2], "groyne": [1, 2]}', "groyne"),
        ("[1, 2]", "object"),
        ("{", "JSON"),
        ("", "empty"),
    ],
)
def test_a_wrong_landmarks_file_is_named_with_its_key(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "marks.json"
    file.write_text(text)
    photo = saved(tmp_path / "leg.jpg", picture())
    refused(photo, "--landmarks", file, words=words)
    refused(photo, "--landmarks", file, words=f"{file}: ")


@pytest.mark.parametrize("groin", ["", ', "groin": null', ', "groin": [7, 8.5]'])
def test_the_groin_may_be_missing_from_a_landmarks_file(tmp_path: Path, groin: str) -> None:
    (tmp_path / "marks.json").write_text('{"knee": [1, 2.5], "patella": [3, 4]' + groin + "}")
    marks = read_landmarks(tmp_path / "marks.json")
    assert (marks.knee, marks.patella) == ((1.0, 2.5), (3.0, 4.0))
    assert marks.groin == ((7.0, 8.5) if "[" in groin else None)
