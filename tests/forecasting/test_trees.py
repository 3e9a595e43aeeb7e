"""The compiled trees say what scikit-learn says."""

import numpy as np
import pytest

from gridlane.forecasting.trees import grown


def test_trees_as_arrays_say_what_the_learner_says(monkeypatch):
    from sklearn.ensemble import HistGradientBoostingClassifier

    learners = []
    plain_fit = HistGradientBoostingClassifier.fit

    def seen_fit(self, *given):
        learners.append(self)
        return plain_fit(self, *given)

    monkeypatch.setattr(HistGradientBoostingClassifier, "fit", seen_fit)
    draw = np.random.default_rng(3)
    rows = draw.normal(size=(2_000, 4)).round(1)
    happened = rows[:, 0] + rows[:, 1] * rows[:, 2] > draw.normal(size=2_000)
    trees = grown(rows, happened, trees=20)
    asked = draw.normal(size=(500, 4)).round(1)
    assert trees.log_odds(asked) == pytest.approx(learners[0].decision_function(asked))
