"""A tenth is held out, for ever the same, and crops of one photograph are never on both sides."""

from pathlib import Path

from model.training.split import divided, is_held_out, photograph

HELD = ["p7.jpg", "p25.jpg", "p26.jpg", "p27.jpg"]


def test_about_a_tenth_is_held_out():
    held = sum(is_held_out(f"photograph-{number}.jpg") for number in range(2000))
    assert 160 < held < 240


def test_the_division_never_changes():
    names = [f"p{number}.jpg" for number in range(40)]
    assert [name for name in names if is_held_out(name)] == HELD


def test_crops_go_with_their_photograph_whatever_their_format():
    for number in range(50):
        sides = {
            is_held_out(f"p{number}{crop}.{suffix}")
            for crop in ("", "@0", "@12")
            for suffix in ("png", "jpg")
        }
        assert len(sides) == 1


def test_only_the_last_at_sign_marks_a_crop():
    assert photograph("me@home@3.png") == "me@home"


def test_divided_keeps_every_file_once_in_order():
    files = [Path(f"/a/p{number}.jpg") for number in (7, 3, 30, 1)]
    trained, held = divided(files)
    assert sorted([*trained, *held]) == sorted(files)
    assert trained == sorted(trained)
