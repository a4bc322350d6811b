"""The seam of the library: what every model returns, and all that samplers, losses and evaluation know of a model."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from brmrs_graph.blas import dot_products
from brmrs_graph.nn.fusion import Fusion

FUSED = "fused"
"""The name of the branch that ranks items when no other is asked for."""


class Branches:
    """User and item embeddings by branch; the score of a pair in a branch is their dot product.

    Args:
        users: Branch name -> user embeddings, |U|×d_b.
        items: Branch name -> item embeddings, |I|×d_b.
        modalities: The branches that come from item content (``"visual"``, ``"textual"``, …), in order. An ID branch
            is a branch but no modality.
        fusion: Makes the branch ``"fused"`` from the others, row by row and only when it is asked for. Without it
            ``users`` and ``items`` must hold ``"fused"`` themselves.
        extra: Further tensors of the forward pass, by name, for the model's own losses (see
            :meth:`~brmrs_graph.models.Recommender.losses`); nothing else looks at them.
    """

    def __init__(
        self,
        users: Mapping[str, Tensor],
        items: Mapping[str, Tensor],
        modalities: tuple[str, ...] = (),
        fusion: Fusion | None = None,
        extra: Mapping[str, Tensor] | None = None,
    ) -> None:
        if fusion is None and FUSED not in users:
            raise ValueError("branches need 'fused' embeddings, or a fusion that makes them")
        # One order for both sides: a fusion concatenates the vectors of a side in the order of its branches.
        self._users, self._items = dict(users), {name: items[name] for name in users}
        self.modalities = modalities
        self.fusion = fusion
        self.extra = dict(extra or {})

    @property
    def names(self) -> tuple[str, ...]:
        """All branch names, ``"fused"`` last."""
        return (*(name for name in self._users if name != FUSED), FUSED)

    @property
    def num_users(self) -> int:
        """|U|."""
        return next(iter(self._users.values())).size(0)

    @property
    def num_items(self) -> int:
        """|I|."""
        return next(iter(self._items.values())).size(0)

    def users(self, branch: str = FUSED) -> Tensor:
        """User embeddings of a branch, |U|×d_b."""
        if branch not in self._users and branch == FUSED and self.fusion is not None:
            self._users[FUSED] = self.fusion.fuse_users(self._unfused(self._users))
        return self._users[branch]

    def items(self, branch: str = FUSED) -> Tensor:
        """Item embeddings of a branch, |I|×d_b."""
        if branch not in self._items and branch == FUSED and self.fusion is not None:
            self._items[FUSED] = self.fusion.fuse_items(self._unfused(self._items))
        return self._items[branch]

    def score(self, branch: str, users: Tensor, items: Tensor) -> Tensor:
        """Scores of pairs in a branch.

        Args:
            branch: Branch name.
            users: User ids, int64, shape [B].
            items: Item ids, int64, shape [B] or [B, n].

        Returns:
            Scores in the shape of ``items``.
        """
        return PairScores(self, users, items)[branch]

    def score_all(self, branch: str, users: Tensor) -> Tensor:
        """Scores of all items for some users (ids, shape [B]), B×|I|."""
        return dot_products(self.users(branch)[users], self.items(branch))

    def is_finite(self, branch: str = FUSED) -> bool:
        """Whether no embedding of a branch is NaN or infinite."""
        return all(bool(x.isfinite().all()) for x in (self.users(branch), self.items(branch)))

    def tables(self) -> dict[str, tuple[Tensor, Tensor]]:
        """Branch name -> (user embeddings, item embeddings), the fused ones included."""
        return {name: (self.users(name), self.items(name)) for name in self.names}

    def vectors(self, branch: str, users: Tensor, items: Tensor) -> tuple[Tensor, Tensor]:
        """User and item vectors of pairs; fused ones that were not asked for yet are made for these rows alone.

        Args:
            branch: Branch name.
            users: User ids, int64, any shape.
            items: Item ids, int64, any shape.

        Returns:
            Vectors in the shapes of the ids with d_b added. User vectors that differ from item to item, as those of
            :class:`~brmrs_graph.sparse_branches.SparseBranches` do, have the shape of the item vectors instead.
        """
        return self._user_vectors(branch, users), self.item_vectors(branch, items)

    def _user_vectors(self, branch: str, users: Tensor) -> Tensor:
        if branch == FUSED and self.fusion is not None and FUSED not in self._users:
            unfused = self._unfused(self._users)
            return self.fusion.fuse_users({name: self._take_users(x, users) for name, x in unfused.items()})
        return self._take_users(self.users(branch), users)

    def item_vectors(self, branch: str, items: Tensor) -> Tensor:
        """Vectors of some items (ids of any shape) in a branch; the shape of the ids with d_b added."""
        if branch == FUSED and self.fusion is not None and FUSED not in self._items:
            unfused = self._unfused(self._items)
            return self.fusion.fuse_items({name: self._take_items(x, items) for name, x in unfused.items()})
        return self._take_items(self.items(branch), items)

    def _take_users(self, x: Tensor, ids: Tensor) -> Tensor:
        return take_rows(x, ids)

    def _take_items(self, x: Tensor, ids: Tensor) -> Tensor:
        return take_rows(x, ids)

    def _unfused(self, side: dict[str, Tensor]) -> dict[str, Tensor]:
        return {name: x for name, x in side.items() if name != FUSED}

    def __repr__(self) -> str:
        dims = ", ".join(f"{name}={x.size(1)}" for name, x in self._users.items())
        return f"{type(self).__name__}({self.num_users} users, {self.num_items} items, {dims})"


class PairScores:
    """Scores of the same pairs in several branches, each computed once; the fused one from the others where it can be.

    Args:
        branches: The model's branches.
        users: User ids, int64, shape [B].
        items: Item ids, int64, shape [B] or [B, n].
    """

    def __init__(self, branches: Branches, users: Tensor, items: Tensor) -> None:
        self.branches, self.users, self.items = branches, users, items
        self._scores: dict[str, Tensor] = {}
        self._users: dict[str, Tensor] = {}

    def __getitem__(self, branch: str) -> Tensor:
        """Scores of a branch, in the shape of ``items``."""
        if branch not in self._scores:
            self._scores[branch] = self._compute(branch)
        return self._scores[branch]

    def _compute(self, branch: str) -> Tensor:
        fusion = self.branches.fusion
        if branch == FUSED and fusion is not None and fusion.linear:
            names = self.branches.names[:-1]
            scores = {name: self[name] for name in names}
            # Computing the scores has gathered the user vectors; the fusion wants them in the order of the branches.
            return fusion.combine(scores, {name: self._users[name] for name in names})
        user, item = self.branches.vectors(branch, self.users, self.items)
        self._users[branch] = user
        return ((user if user.dim() == item.dim() else user.unsqueeze(1)) * item).sum(-1)


def take_rows(x: Tensor, ids: Tensor) -> Tensor:
    """Rows of a table, N×d, by ids of any shape; the shape of the ids with d added."""
    # Forward and backward of index_select are several times faster on the CPU than those of x[ids].
    return x.index_select(0, ids.reshape(-1)).view(*ids.shape, x.size(1))
