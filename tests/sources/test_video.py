import importlib.resources
import math
import shutil
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest

from performer.errors import PerformerError
from performer.parts import Picture
from performer.sources.ffmpeg import Converter, covering
from performer.sources.video import Playhead, Video
from tests.sources.films import BUNNY, COVER, Screening, at_second, encode

NORMAL = {"speed": 1.0}


@pytest.fixture(scope="module")
def bunny() -> Screening:
    return Screening(BUNNY)


def opened(file: Path, **settings: object) -> Video:
    video = Video(Video.Settings(file=str(file), **settings))
    video.cover = COVER
    video.open()
    return video


@pytest.fixture
def video() -> Iterator[Video]:
    source = opened(BUNNY)
    yield source
    source.close()


def assert_shows(video: Video, screening: Screening, seconds: float, **values: float) -> None:
    picture = video.at(at_second(seconds), values or NORMAL)
    film_seconds = seconds * values.get("speed", 1.0)
    wanted = screening.number_at(film_seconds)
    found = [k for k, p in enumerate(screening.pixels) if np.array_equal(p, picture.pixels)]
    assert wanted in found, f"at {seconds} s frame {found} instead of {wanted}"


def test_each_frame_is_shown_from_its_own_time_until_the_next(
    video: Video, bunny: Screening
) -> None:
    for number in range(132):
        for seconds in (number / 25, number / 25 + 0.0399):
            assert np.array_equal(video.at(at_second(seconds), NORMAL).pixels, bunny.pixels[number])


def test_a_film_goes_round_exactly_at_another_rate(video: Video, bunny: Screening) -> None:
    for frame in range(400):
        assert_shows(video, bunny, frame / 30)


@pytest.mark.parametrize("speed", [0.3, 2.0, 3.7])
def test_a_film_is_exact_at_any_speed(video: Video, bunny: Screening, speed: float) -> None:
    for frame in range(120):
        assert_shows(video, bunny, frame / 24, speed=speed)


def test_any_moment_may_be_asked_first(bunny: Screening) -> None:
    for seconds in (4.97, 1000.0, 3600 * 5 + 2.2):
        video = opened(BUNNY)
        assert_shows(video, bunny, seconds)
        video.close()


KINDS = {
    "b_frames.mp4": {"options": {"bf": "3", "g": "12"}},
    "open.mp4": {"options": {"bf": "2", "g": "10", "x264-params": "open-gop=1"}},
    "irregular.mkv": {"times": np.cumsum([1, 7, 2, 1, 30, 3, 60, 1, 2, 120] * 4).tolist()},
    "web.webm": {"codec": "libvpx-vp9", "options": {"deadline": "realtime", "cpu-used": "8"}},
    "stream.ts": {"options": {"g": "10"}},
    "motion.avi": {"codec": "mjpeg", "pixels": "yuvj420p"},
    "untimed.h264": {},
}


@pytest.mark.parametrize("name", list(KINDS))
def test_every_kind_of_film_is_exact_through_leaps_and_rounds(tmp_path: Path, name: str) -> None:
    file = encode(tmp_path / name, **KINDS[name])
    screening, video = Screening(file), opened(file)
    leaps = np.random.default_rng(1).choice([0.01, 0.04, 0.3, 3.3], 150)
    for seconds in np.cumsum(leaps):
        assert_shows(video, screening, float(seconds))
    video.close()


def test_a_film_that_does_not_loop_ends_on_its_last_frame(bunny: Screening) -> None:
    video = opened(BUNNY, loop=False)
    for seconds in (5.27, 5.28, 60.0):
        assert np.array_equal(video.at(at_second(seconds), NORMAL).pixels, bunny.pixels[-1])
    video.close()


def test_the_same_picture_has_the_same_number_and_a_new_one_a_higher(video: Video) -> None:
    pictures = [video.at(at_second(frame / 100), NORMAL) for frame in range(700)]
    numbers = [picture.number for picture in pictures]
    assert numbers == sorted(numbers)
    assert len(set(numbers)) == len({id(picture) for picture in pictures}) == 175


def test_a_film_at_rest_is_shown_anew_when_the_canvas_changes(video: Video) -> None:
    video.cover = (40, 40)
    small = video.at(at_second(0), {"speed": 0.0})
    video.cover = (80, 80)
    large = video.at(at_second(1), {"speed": 0.0})
    assert (small.pixels.shape[0], large.pixels.shape[0]) == (40, 80)
    assert large.number > small.number
    assert video.at(at_second(2), {"speed": 0.0}) is large


def test_standing_still_stays_on_the_frame_and_goes_on_from_there(
    video: Video, bunny: Screening
) -> None:
    video.at(at_second(1.0), NORMAL)
    for seconds in (1.5, 3.0):
        still = video.at(at_second(seconds), {"speed": 0.0})
        assert np.array_equal(still.pixels, bunny.at(1.0))
    assert np.array_equal(video.at(at_second(3.52), NORMAL).pixels, bunny.at(1.52))


def test_hours_of_playing_add_up_to_no_error() -> None:
    playhead = Playhead(1.0)
    for frame in range(0, 10 * 3600 * 30, 97):
        assert playhead.at(frame / 30, 1.0) == frame / 30


def test_a_damaged_frame_is_skipped_and_the_last_good_one_stays(
    tmp_path: Path, bunny: Screening
) -> None:
    damaged = bytearray(BUNNY.read_bytes())
    middle = len(damaged) // 2
    noise = np.random.default_rng(0).integers(0, 256, 3000, dtype=np.uint8)
    damaged[middle : middle + 3000] = noise.tobytes()
    file = tmp_path / "damaged.mp4"
    file.write_bytes(damaged)
    with av.open(str(file)) as container:
        bad = [n for n, frame in enumerate(container.decode(video=0)) if frame.is_corrupt]
    assert bad, "the damage must be seen for this test to mean anything"
    video = opened(file)
    before = video.at(at_second((bad[0] - 1) / 25), NORMAL)
    assert np.array_equal(before.pixels, bunny.pixels[bad[0] - 1])
    assert video.at(at_second(bad[0] / 25), NORMAL) is before
    assert video.at(at_second(131 / 25), NORMAL) is not before
    video.close()


def play(video: Video, start: float, end: float) -> list[Picture]:
    frames = range(round(start * 30), round(end * 30))
    return [video.at(at_second(frame / 30), NORMAL) for frame in frames]


def test_a_file_cut_off_while_playing_holds_its_last_picture_and_recovers_when_whole(
    tmp_path: Path, bunny: Screening, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("performer.sources.video._LOOK_SECONDS", math.inf)
    file = tmp_path / "film.mp4"
    whole = BUNNY.read_bytes()
    file.write_bytes(whole)
    video = opened(file)
    play(video, 0.0, 1.0)
    file.write_bytes(whole[: len(whole) // 2])
    last = play(video, 1.0, 5.2)[-30:]
    assert all(picture is last[0] for picture in last)
    assert any(np.array_equal(last[0].pixels, pixels) for pixels in bunny.pixels[30:100])
    file.write_bytes(whole)
    for frame in range(160, 310):
        assert_shows(video, bunny, frame / 30)
    video.close()


def test_a_file_that_lacks_its_second_half_plays_the_first_and_holds(tmp_path: Path) -> None:
    whole = (Path(str(importlib.resources.files("scenes"))) / "media" / "drift.mp4").read_bytes()
    (tmp_path / "half.mp4").write_bytes(whole[: len(whole) // 2])
    video = opened(tmp_path / "half.mp4")
    for start in (0.0, 24.0):
        pictures = [video.at(at_second(start + frame / 5), NORMAL) for frame in range(119)]
        assert len({id(picture) for picture in pictures[:30]}) == 30
        assert len({id(picture) for picture in pictures[-30:]}) == 1
    video.close()


def test_a_file_that_is_cut_off_or_replaced_is_seen_by_the_clock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("performer.sources.video._LOOK_SECONDS", 0.0)
    file, other = tmp_path / "film.mp4", tmp_path / "other.mp4"
    for change in (lambda: file.write_bytes(b""), lambda: other.replace(file)):
        shutil.copy(BUNNY, file)
        shutil.copy(BUNNY, other)
        video = opened(file)
        play(video, 0.0, 0.2)
        change()
        with pytest.raises(PerformerError, match=r"^source: film.mp4: the file has changed; .*$"):
            play(video, 0.2, 0.3)
        video.close()


def test_a_file_that_vanishes_says_so_at_its_next_round(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("performer.sources.video._LOOK_SECONDS", math.inf)
    file = tmp_path / "film.mp4"
    shutil.copy(BUNNY, file)
    video = opened(file)
    play(video, 0.0, 1.0)
    file.write_bytes(b"")
    play(video, 1.0, 5.2)
    with pytest.raises(PerformerError, match=r"^source: film.mp4: .*; .*$"):
        play(video, 5.2, 5.4)
    video.close()


def test_what_is_no_film_is_refused_in_one_line_with_the_mend(tmp_path: Path) -> None:
    (tmp_path / "garbage.mp4").write_bytes(b"\x00\x01garbage" * 5000)
    (tmp_path / "empty.mp4").touch()
    with av.open(str(tmp_path / "sound.wav"), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), layout="mono")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
    sayings = {
        "garbage.mp4": r"^source: garbage.mp4: not a video that FFmpeg can read \(.+\); give .+$",
        "empty.mp4": r"^source: empty.mp4: not a video that FFmpeg can read \(.+\); give .+$",
        "absent.mp4": r"^source: absent.mp4: there is no such file; correct its name$",
        "sound.wav": r"^source: sound.wav: there is no picture in it; give a file with video$",
        ".": r"^source: .*: not a video that FFmpeg can read \(Is a directory\); give .+$",
    }
    for name, saying in sayings.items():
        with pytest.raises(PerformerError, match=saying):
            opened(tmp_path / name)


def test_a_file_cannot_name_other_files_or_addresses(tmp_path: Path) -> None:
    (tmp_path / "list.m3u8").write_text(
        "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nhttp://127.0.0.1:1/x.ts\n#EXT-X-ENDLIST\n"
    )
    with pytest.raises(PerformerError, match=r"^source: list\.m3u8: "):
        opened(tmp_path / "list.m3u8").at(at_second(0), NORMAL)


def test_a_name_with_a_colon_is_a_file(tmp_path: Path) -> None:
    encode(tmp_path / "take.mp4").rename(tmp_path / "12:30 take.mp4")
    opened(tmp_path / "12:30 take.mp4").close()


def test_closing_is_safe_twice_and_without_opening() -> None:
    video = Video(Video.Settings(file="none"))
    video.close()
    video = opened(BUNNY)
    video.close()
    video.close()


def test_pictures_are_shrunk_to_what_is_needed_and_no_further() -> None:
    assert covering((720, 1280), None) == (720, 1280)
    assert covering((720, 1280), (256, 256)) == (256, 455)
    assert covering((1280, 720), (256, 256)) == (455, 256)
    assert covering((100, 100), (256, 256)) == (100, 100)


@pytest.mark.parametrize(("colours", "size"), [(1, (64, 64)), (5, (64, 64)), (2, (720, 64))])
def test_colours_are_those_that_were_filmed(colours: int, size: tuple[int, int]) -> None:
    told = (200, 40, 90)
    flat = np.full((*size, 3), told, np.uint8)
    coded = 1 if colours == 2 else colours  # a large film that does not say is BT.709
    frame = av.VideoFrame.from_ndarray(flat, format="rgb24").reformat(
        format="yuv444p", dst_colorspace=coded, dst_color_range=1
    )
    frame.colorspace = colours
    middle = Converter().pixels(frame, None)[size[0] // 2, size[1] // 2]
    assert np.abs(middle.astype(int) - told).max() <= 2


def test_the_built_in_clip_is_a_round_of_24_seconds() -> None:
    file = Path(str(importlib.resources.files("scenes"))) / "media" / "drift.mp4"
    video = opened(file)
    first = video.at(at_second(0.0), NORMAL)
    last = video.at(at_second(23.96), NORMAL)
    again = video.at(at_second(24.0), NORMAL)
    video.close()
    assert np.array_equal(first.pixels, again.pixels)
    assert np.abs(last.pixels.astype(int) - first.pixels).mean() < 10  # no jump where it closes
    assert file.stat().st_size < 3_000_000


def test_a_film_decodes_here() -> None:
    assert Video.diagnose() is None
