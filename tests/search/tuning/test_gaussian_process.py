import numpy as np
from keraunos.search.tuning.gaussian_process import QuickGaussianProcess
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import Matern


def test_predictions_equal_scikit_learn():
    random = np.random.default_rng(0)
    points, scores = random.uniform(size=(11, 3)), random.normal(3.0, 2.0, 11)
    options = {
        "kernel": Matern(nu=2.5),
        "alpha": 1e-4,
        "normalize_y": True,
        "n_restarts_optimizer": 3,
        "random_state": 1,
    }
    ours = QuickGaussianProcess(**options).fit(points, scores)
    theirs = GaussianProcessRegressor(**options).fit(points, scores)
    asked = np.concatenate([random.uniform(size=(5, 3)), points[:2]])
    for mine, other in zip(
        ours.predict(asked, return_std=True),
        theirs.predict(asked, return_std=True),
        strict=True,
    ):
        np.testing.assert_allclose(mine, other, rtol=1e-6, atol=1e-8)
