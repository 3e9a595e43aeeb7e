"""Boosted trees as plain arrays: grown by scikit-learn in a job, kept as bytes, asked by a compiled loop.

Bytes of arrays can be read by any release and run nothing when they are read, and asking needs no scikit-learn.
Only who asks imports this file (numba).
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gridlane.forecasting.compiled_waits import Floats, compiled

Places = NDArray[np.int32]

LEAF = -1


class Trees(NamedTuple):
    """A node asks whether ``feature`` is at most ``value``; a leaf's ``value`` is added. ``roots``: a node per tree.

    ``base`` (one number): the log-odds before any tree.
    """

    feature: Places
    value: Floats
    left: Places
    right: Places
    roots: Places
    base: Floats

    def log_odds(self, rows: Floats) -> Floats:
        """For each row of features the log-odds of what was learned."""
        return np.asarray(_log_odds(self, np.ascontiguousarray(rows, dtype=np.float64)))


def grown(rows: Floats, happened: NDArray[np.bool_], *, trees: int, seed: int = 1) -> Trees:
    """Learn the chance that something happens, from rows of features and what happened."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from threadpoolctl import threadpool_limits

    learner = HistGradientBoostingClassifier(
        max_iter=trees,
        learning_rate=min(0.1, 16.0 / trees),
        max_leaf_nodes=31,
        min_samples_leaf=80,
        l2_regularization=5.0,
        early_stopping=False,
        random_state=seed,
    )
    with threadpool_limits(1, "openmp"):  # beside other work more threads wait for each other and take longer
        learner.fit(rows, happened)
    return _as_arrays([stage[0].nodes for stage in learner._predictors], learner._baseline_prediction.item())  # noqa: SLF001 - scikit-learn has no public way to its trees


def _as_arrays(grown_trees: "list[np.typing.NDArray[np.void]]", base: float) -> Trees:
    sizes = [nodes.size for nodes in grown_trees]
    roots = np.concatenate(([0], np.cumsum(sizes)[:-1])).astype(np.int32)
    nodes = np.concatenate(grown_trees)
    shift = np.repeat(roots, sizes)
    leaf = nodes["is_leaf"].astype(bool)
    return Trees(
        feature=np.where(leaf, LEAF, nodes["feature_idx"]).astype(np.int32),
        value=np.where(leaf, nodes["value"], nodes["num_threshold"]).astype(np.float64),
        left=(nodes["left"] + shift).astype(np.int32),
        right=(nodes["right"] + shift).astype(np.int32),
        roots=roots,
        base=np.array([base]),
    )


@compiled
def _log_odds(trees: Trees, rows: Floats) -> Floats:
    total = np.full(rows.shape[0], trees.base[0])
    for row in range(rows.shape[0]):
        for root in trees.roots:
            node = root
            while trees.feature[node] >= 0:
                if rows[row, trees.feature[node]] <= trees.value[node]:
                    node = trees.left[node]
                else:
                    node = trees.right[node]
            total[row] += trees.value[node]
    return total
