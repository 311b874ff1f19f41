"""What the log says of a long transfer."""

from __future__ import annotations

from pixverse_provider.api.progress import Progress


class Told:
    """A transfer under a clock that the test moves."""

    def __init__(self, total: int | None) -> None:
        self.now = 0.0
        self.lines: list[str] = []
        self.progress = Progress("Uploading clip.mp4", total, self.lines.append, clock=lambda: self.now)

    def at(self, seconds: float, done: int) -> None:
        self.now = seconds
        self.progress.reached(done)


class TestProgress:
    def test_a_transfer_of_less_than_ten_seconds_says_nothing(self) -> None:
        told = Told(50_000_000)
        told.at(0.1, 1_000_000)
        told.at(9.9, 50_000_000)
        assert told.lines == []

    def test_a_longer_one_tells_every_ten_seconds_how_far_and_how_fast_it_is(self) -> None:
        told = Told(50_000_000)
        for second in range(1, 21):
            told.at(second, second * 1_000_000 if second <= 10 else 10_000_000 + (second - 10) * 2_000_000)
        assert told.lines == [
            "Uploading clip.mp4: 20 % of 50.0 MB, 1.0 MB/s.",
            "Uploading clip.mp4: 60 % of 50.0 MB, 2.0 MB/s.",
        ]

    def test_without_a_known_length_it_tells_how_much_is_through(self) -> None:
        told = Told(None)
        told.at(10.0, 25_000_000)
        assert told.lines == ["Uploading clip.mp4: 25.0 MB, 2.5 MB/s."]

    def test_one_that_began_again_has_no_speed_below_zero(self) -> None:
        told = Told(50_000_000)
        told.at(10.0, 25_000_000)
        told.at(20.0, 5_000_000)
        assert told.lines[1] == "Uploading clip.mp4: 10 % of 50.0 MB, 0.0 MB/s."
