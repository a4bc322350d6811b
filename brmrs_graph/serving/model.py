"""A trained model to be asked, in the manner of the package implicit."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from typing import Any, TypeAlias

import numpy as np
import scipy.sparse as sp
import torch
from numpy.typing import NDArray

from brmrs_graph.branches import FUSED, Branches
from brmrs_graph.errors import ConfigError, TrainingError
from brmrs_graph.models import ItemPaths
from brmrs_graph.serving.explanation import BranchView, Explanation, strongest_paths
from brmrs_graph.serving.fold_in import user_map
from brmrs_graph.serving.ids import Ids
from brmrs_graph.serving.kept import KeptData
from brmrs_graph.serving.search import Index, Vectors, lengths, take, unit
from brmrs_graph.sparse_branches import SparseBranches
from brmrs_graph.topk import top_items

Answer: TypeAlias = tuple[NDArray[np.object_], NDArray[np.float32]]
"""Ids and scores, best first: shape [n] for one question, [B, n] for several."""


class TrainedModel:
    """Recommendations, similar users and items, and explanations from the vectors of a trained model.

    Every method takes one id, or a list of them at once; what it answers for one does not depend, in any bit, on the
    others that are asked with it. Ids are the original ones, strings. Scores are made a block of 64 users at a time,
    so that memory does not grow with the number of users but by their answers.

    ``n`` is how many answers are wanted. There are fewer columns where there are fewer candidates. A user of whom
    fewer candidates are left (because the rest are seen) gets None as the id and -inf as the score in the last places;
    a seen item never fills them.

    Args:
        branches: Vectors of every branch.
        kept: Ids and training interactions.
        paths: What the model adds to item vectors over its item graph, for :meth:`explain`.

    Raises:
        TrainingError: If a vector is NaN or infinite.
    """

    def __init__(self, branches: Branches, kept: KeptData, paths: ItemPaths | None = None) -> None:
        self.branches = branches
        self.kept = kept
        self.paths = paths
        for name in branches.names:
            if not branches.is_finite(name):
                raise TrainingError(f"vectors of the branch '{name}' are not finite; nothing can be ranked by them")
        self._users, self._items = Ids("user", kept.user_ids), Ids("item", kept.item_ids)
        self._made: dict[tuple[str, str, str], Any] = {}

    @property
    def user_ids(self) -> Sequence[str]:
        """All user ids, in the order of the vectors."""
        return self.kept.user_ids

    @property
    def item_ids(self) -> Sequence[str]:
        """All item ids, in the order of the vectors."""
        return self.kept.item_ids

    @property
    def names(self) -> tuple[str, ...]:
        """All branches, ``"fused"`` last."""
        return self.branches.names

    def recommend(
        self,
        user_ids: str | Iterable[str],
        n: int = 10,
        branch: str = FUSED,
        filter_seen: bool = True,
        items: Iterable[str] | None = None,
    ) -> Answer:
        """The best items of users.

        Args:
            user_ids: One user or several.
            n: How many items.
            branch: The branch that scores.
            filter_seen: Whether to leave out a user's training items.
            items: The only items to choose among (default: all), in any order.

        Returns:
            Item ids and scores.

        Raises:
            DataError: If ids are unknown.
            ConfigError: If the branch is unknown or n is not positive.
        """
        users = self._users.positions(user_ids)
        queries = take(self._vectors("users", branch), users)
        history = self.kept.train[users] if filter_seen else None
        return _shape(self._rank(queries, history, n, branch, items), user_ids)

    def recommend_for(
        self,
        items: Sequence[str] | Sequence[Sequence[str]],
        n: int = 10,
        branch: str = FUSED,
        filter_seen: bool = True,
    ) -> Answer:
        """The best items for people that the model was not trained on, by the items that they took.

        Nothing is trained: see :class:`~brmrs_graph.serving.fold_in.UserMap`, which is solved at the first call.

        Args:
            items: Item ids of one person, or a list of them for each of several. No item at all gives what suits the
                average user (with models of neighbours nothing: every score is 0).
            n: How many items.
            branch: The branch that scores.
            filter_seen: Whether to leave out those items.

        Returns:
            Item ids and scores.

        Raises:
            DataError: If ids are unknown.
            ConfigError: If the branch is unknown or n is not positive.
        """
        listed: list[Any] = list(items) if isinstance(items, Iterable) and not isinstance(items, str) else [items]
        # Several people only if each is a list; what is neither that nor all ids is one person with ids to be refused.
        one = not listed or not all(isinstance(x, Iterable) and not isinstance(x, str) for x in listed)
        people = [listed] if one else [list(person) for person in listed]
        row = np.repeat(np.arange(len(people)), [len(person) for person in people])
        taken = self._items.positions(chain.from_iterable(people))
        shape = (len(people), len(self.item_ids))
        history = sp.csr_matrix((np.ones(row.size, dtype=np.float32), (row, taken)), shape=shape)
        history.data[:] = 1  # an item that is named twice was taken all the same
        self._check(branch)
        queries = self._user_map(branch)(history)
        answer = self._rank(queries, history if filter_seen else None, n, branch)
        return (answer[0][0], answer[1][0]) if one else answer

    def similar_items(self, item_ids: str | Iterable[str], n: int = 10, branch: str = FUSED) -> Answer:
        """The items whose vectors have the largest cosine with those of given ones, themselves left out.

        Args:
            item_ids: One item or several.
            n: How many items.
            branch: The branch whose vectors are compared. An item without a vector (all zeros) is similar to none: its
                answer is None with -inf throughout.

        Returns:
            Item ids and cosines.

        Raises:
            DataError: If ids are unknown.
            ConfigError: If the branch is unknown or n is not positive.
        """
        return self._similar("items", self._items, item_ids, n, branch)

    def similar_users(self, user_ids: str | Iterable[str], n: int = 10, branch: str = FUSED) -> Answer:
        """The users whose vectors have the largest cosine with those of given ones; see :meth:`similar_items`."""
        return self._similar("users", self._users, user_ids, n, branch)

    def score(self, user_ids: str | Iterable[str], item_ids: str | Iterable[str], branch: str = FUSED) -> Any:
        """Scores of pairs.

        Args:
            user_ids: One user, or as many as items.
            item_ids: One item, or as many as users.
            branch: The branch that scores.

        Returns:
            float32, shape [B].

        Raises:
            DataError: If ids are unknown.
            ConfigError: If the branch is unknown, or there are not as many users as items.
        """
        self._check(branch)
        users, items = self._users.positions(user_ids), self._items.positions(item_ids)
        if 1 not in (users.size, items.size) and users.size != items.size:
            raise ConfigError(f"{users.size:,} users and {items.size:,} items are no pairs; give as many of each")
        pairs = (torch.from_numpy(x.copy()) for x in np.broadcast_arrays(users, items))
        return self.branches.score(branch, *pairs).numpy()

    def explain(self, user_id: str, item_id: str, n: int = 10, nearest: int = 3) -> Explanation:
        """How every branch sees a user and an item, and over which edges they are joined; printed, it reads as text.

        Args:
            user_id: The user.
            item_id: The item, whether or not the user has taken it.
            n: The rank that the item's score is compared with; the last one where fewer items are left.
            nearest: How many of the user's training items to name, and of the item's neighbours in the item graph.

        Raises:
            DataError: If an id is unknown.
            ConfigError: If n or ``nearest`` is not positive.
        """
        _check_count("nearest", nearest)
        (user,), (item,) = self._users.positions([user_id]), self._items.positions([item_id])
        liked = self.kept.train[[user]].indices.astype(np.int64)
        views = {}
        for branch in self.names:
            self._check(branch, n)
            (scores,) = self._index("items", branch).scores(take(self._vectors("users", branch), np.array([user])))
            own = float(scores[item])
            ahead = scores > own
            ahead[:item] |= scores[:item] == own
            ahead[torch.from_numpy(liked)] = False
            left = scores.index_fill(0, torch.from_numpy(liked), -torch.inf)
            top = left[top_items(left.unsqueeze(0), min(n, left.numel()))[0]]
            top = top[top > -torch.inf]
            margin = own - float(top[-1]) if top.numel() else float("nan")
            views[branch] = BranchView(own, int(ahead.sum()) + 1, margin, self._nearest(item, liked, nearest, branch))
        paths = strongest_paths(self.paths, self.branches, self._items, (int(user), int(item)), liked, nearest)
        ranked = min(n, len(self.item_ids) - liked.size)
        return Explanation(user_id, item_id, item in liked, ranked, views, paths)

    def _nearest(self, item: int, liked: NDArray[np.int64], count: int, branch: str) -> tuple[tuple[str, float], ...]:
        others = liked[liked != item]
        vectors = self._unit_index("items", branch).vectors
        (found,), (cosines,) = Index(take(vectors, others)).search(take(vectors, np.array([item])), count)
        named = zip(self._items.names(others[found]).tolist(), cosines.tolist(), strict=True)
        return tuple((name, cosine) for name, cosine in named if cosine)  # 0: one of the two has no vector

    def _rank(
        self,
        queries: Vectors,
        history: sp.csr_matrix | None,
        n: int,
        branch: str,
        items: Iterable[str] | None = None,
    ) -> Answer:
        self._check(branch, n)
        index = self._index("items", branch)
        if items is None:
            positions, scores = index.search(queries, n, history)
        else:
            among = np.unique(self._items.positions(items))
            index = Index(take(index.vectors, among))
            positions, scores = index.search(queries, n, None if history is None else history[:, among])
            positions = np.append(among, -1)[positions]
        return self._items.names(positions), scores

    def _similar(self, side: str, ids: Ids, wanted: str | Iterable[str], n: int, branch: str) -> Answer:
        self._check(branch, n)
        asked = ids.positions(wanted)
        index = self._unit_index(side, branch)
        themselves = sp.csr_matrix(
            (np.ones(asked.size, dtype=np.float32), asked, np.arange(asked.size + 1)), shape=(asked.size, len(index))
        )
        queries = take(index.vectors, asked)
        positions, cosines = index.search(queries, min(n, len(index) - 1), themselves)
        without = lengths(queries) == 0
        positions[without], cosines[without] = -1, -np.inf
        return _shape((ids.names(positions), cosines), wanted)

    def _vectors(self, side: str, branch: str) -> Vectors:
        self._check(branch)
        if isinstance(self.branches, SparseBranches):
            users, items = self.branches.graphs[branch]
            return (users if side == "users" else items).to_scipy()
        return (self.branches.users(branch) if side == "users" else self.branches.items(branch)).detach()

    def _index(self, side: str, branch: str) -> Index:
        return self._once("index", side, branch, lambda: Index(self._vectors(side, branch)))

    def _unit_index(self, side: str, branch: str) -> Index:
        return self._once("unit", side, branch, lambda: Index(unit(self._vectors(side, branch))))

    def _user_map(self, branch: str) -> Callable[[sp.csr_matrix], Vectors]:
        return self._once("map", "users", branch, lambda: user_map(self.kept.train, *self._both(branch)))

    def _both(self, branch: str) -> tuple[Vectors, Vectors]:
        return self._vectors("users", branch), self._vectors("items", branch)

    def _once(self, what: str, side: str, branch: str, make: Callable[[], Any]) -> Any:
        """What is made once from the vectors of a branch, and kept as long as the model."""
        if (key := (what, side, branch)) not in self._made:
            self._made[key] = make()
        return self._made[key]

    def _check(self, branch: str, n: int = 1) -> None:
        if branch not in self.names:
            raise ConfigError(f"the model has no branch '{branch}'; choose among {', '.join(self.names)}")
        _check_count("n", n)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.branches!r})"


def _shape(answer: Answer, asked: str | Iterable[str]) -> Answer:
    return (answer[0][0], answer[1][0]) if isinstance(asked, str) else answer


def _check_count(name: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
        raise ConfigError(f"{name} is {value!r}; give a whole number, 1 or more")
