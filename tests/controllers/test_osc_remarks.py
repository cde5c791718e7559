"""What could not be followed stands on the page while it is news, and comes again when it does."""

from performer.controllers.osc_remarks import MOST_SAID, NEWS_SECONDS, Remarks


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_remark_is_news_for_a_while_and_is_kept() -> None:
    clock = Clock()
    remarks = Remarks(clock)
    assert remarks.news == ""
    remarks.add("/a", "there is no /a")
    clock.now = NEWS_SECONDS - 1
    assert remarks.news == "there is no /a"
    clock.now = NEWS_SECONDS
    assert remarks.news == ""
    assert remarks.said == ["there is no /a"]


def test_what_was_said_before_is_news_again_when_it_happens_again() -> None:
    clock = Clock()
    remarks = Remarks(clock)
    remarks.add("/a", "there is no /a")
    clock.now = 100.0
    remarks.add("/a", "there is no /a")
    assert remarks.news == "there is no /a"
    assert remarks.said == ["there is no /a"]


def test_beyond_what_is_kept_there_is_still_news() -> None:
    remarks = Remarks(Clock())
    for number in range(MOST_SAID + 1):
        remarks.add(f"/{number}", f"there is no /{number}")
    assert len(remarks.said) == MOST_SAID
    assert remarks.news == f"there is no /{MOST_SAID}"
