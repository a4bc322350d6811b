"""Part ``recommend``: lists for all users at once and for one user, beside the package implicit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from brmrs_graph.branches import Branches
from brmrs_graph.serving import KeptData, TrainedModel
from experiments.benchmark.context import Context
from experiments.benchmark.memory import peak
from experiments.benchmark.optional import package

N = 20
"""Length of a list."""

ASKED = 10
"""Users who are asked for one after the other."""

IMPLICIT = "implicit, ALS"
TOGETHER, ALONE = "all users in one call", f"{ASKED} users, one call each"


def measure(context: Context) -> dict[str, Any]:
    """Times ``recommend`` and that of implicit's ALS with the same vectors and as many threads."""
    data, branches = context.data, context.branches
    model = TrainedModel(branches, KeptData.of(data))
    everyone, some = np.arange(data.num_users), np.linspace(0, data.num_users - 1, ASKED, dtype=np.int64)

    facts: dict[str, Any] = {}
    with _one_openblas_thread():
        engines: dict[str, Engine] = {"ours": lambda users: model.recommend([model.user_ids[u] for u in users], N)[0]}
        if package("implicit"):
            engines[IMPLICIT] = _implicit(branches, data.train, model, context.settings.threads)
        answers = {}
        for name, engine in engines.items():
            with peak() as memory:
                answers[name] = engine(everyone)
            facts[f"GiB of peak memory for all users, {name}"] = memory.growth
        comparisons = {
            label: context.compare(
                {
                    name: _ask(engines[name], users) if name in engines else "not installed"
                    for name in ("ours", IMPLICIT)
                }
            )
            for label, users in ((TOGETHER, [everyone]), (ALONE, list(some[:, None])))
        }
    for name in engines:
        facts[f"users a second, {name}"] = data.num_users / comparisons[TOGETHER]["seconds"][name]["median"]
        facts[f"milliseconds for one user, {name}"] = 1000 * comparisons[ALONE]["seconds"][name]["median"] / ASKED
    for name in set(engines) - {"ours"}:
        facts[f"share of the same items at the same places, {name}"] = float((answers[name] == answers["ours"]).mean())
    return {"title": f"lists of {N} of {data.num_items:,} items", "comparisons": comparisons, "facts": facts}


Engine = Callable[[NDArray[np.int64]], NDArray[np.object_]]
"""From positions of users to item ids, best first, one row a user."""


def _ask(engine: Engine, questions: Sequence[NDArray[np.int64]]) -> Callable[[], None]:
    def ask() -> None:
        for users in questions:
            engine(users)

    return ask


def _implicit(branches: Branches, train: sp.csr_matrix, model: TrainedModel, threads: int) -> Engine:
    als = package("implicit.cpu.als").AlternatingLeastSquares(factors=branches.items().size(1), num_threads=threads)
    als.user_factors, als.item_factors = branches.users().numpy(), branches.items().numpy()
    names = np.array(model.item_ids, dtype=object)
    return lambda users: names[als.recommend(users, train[users], N=N)[0]]


@contextmanager
def _one_openblas_thread() -> Iterator[None]:
    """Lets implicit's own threads be all: it asks for this itself, since threads of threads slow it down."""
    threadpoolctl = package("implicit") and package("threadpoolctl")  # the first brings the second
    if not threadpoolctl:
        yield
    else:
        with threadpoolctl.ThreadpoolController().select(internal_api="openblas").limit(limits=1):
            yield
