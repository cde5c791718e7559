"""What happens to the picture after the network."""

from collections.abc import Iterable, Sequence

import torch

from performer.parameters import Snapshot
from performer.parts import Post
from performer.stations.applied import applied


class Posting:
    """What happens to the picture after the network, in the order of the scene.

    Nothing while it is ``given_up`` for want of time.
    """

    def __init__(self, posts: Sequence[tuple[str, Post]]) -> None:
        self.given_up = False
        self.posts = dict(posts)

    def __call__(self, picture: torch.Tensor, snapshot: Snapshot) -> torch.Tensor:
        """[1, 3, H, W] to the same."""
        return self.posted(picture, snapshot, () if self.given_up else self.posts)

    def turns(self, snapshot: Snapshot) -> tuple[str, ...]:
        """The names of those that change anything in this frame."""
        if self.given_up:
            return ()
        return tuple(name for name in self.posts if not self._is_neutral(name, snapshot))

    def posted(
        self, picture: torch.Tensor, snapshot: Snapshot, turns: Iterable[str]
    ) -> torch.Tensor:
        """The picture after the posts of these names."""
        for name in turns:
            picture = applied(self.posts[name], picture, snapshot, f"post.{name}")
        return picture

    def _is_neutral(self, name: str, snapshot: Snapshot) -> bool:
        neutral = getattr(self.posts[name], "neutral", None)
        return neutral is not None and neutral(snapshot.under(f"post.{name}"))
