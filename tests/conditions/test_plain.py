import torch

from performer.conditions.plain import Plain


def test_plain_changes_nothing() -> None:
    part = Plain(Plain.Settings())
    part.open()
    given = torch.randn(1, 3, 4, 4)
    assert part.apply(given, {}) is given
    part.close()
