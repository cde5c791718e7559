"""What happens to the picture after the network."""

from collections.abc import Iterable, Sequence

import torch

from performer.parameters import Snapshot
from performer.parts import Post
from performer.rests import Rests
from performer.stations.applied import applied


class Posting:
    """What happens to the picture after the network, in the order of the scene.

    Nothing while it is ``given_up`` for want of time; and without those that rest.
    """

    def __init__(self, posts: Sequence[tuple[str, Post]]) -> None:
        self.given_up = False
        self.posts = dict(posts)
        self._rests = Rests("post")

    def __call__(self, picture: torch.Tensor, snapshot: Snapshot) -> torch.Tensor:
        """[1, 3, H, W] to the same."""
        return self.posted(picture, snapshot, self.turns(snapshot))

    def turns(self, snapshot: Snapshot) -> tuple[str, ...]:
        """The names of those that change anything in this frame."""
        if self.given_up:
            return ()
        return tuple(name for name in self.posts if self._plays(name, snapshot))

    def posted(
        self, picture: torch.Tensor, snapshot: Snapshot, turns: Iterable[str]
    ) -> torch.Tensor:
        """The picture after the posts of these names."""
        for name in turns:
            try:
                picture = applied(self.posts[name], picture, snapshot, f"post.{name}")
            except Exception as error:
                self._rests.begin(name, snapshot.moment.frame, error)
        return picture

    def _plays(self, name: str, snapshot: Snapshot) -> bool:
        frame, neutral = snapshot.moment.frame, getattr(self.posts[name], "neutral", None)
        if self._rests.of(name, frame):
            return False
        try:
            return neutral is None or not neutral(snapshot.under(f"post.{name}"))
        except Exception as error:
            self._rests.begin(name, frame, error)
            return False
