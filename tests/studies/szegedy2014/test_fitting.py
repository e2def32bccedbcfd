"""L-BFGS with weight decay finds what scikit-learn finds, and the autoencoder is sparse, and stays as it is."""

import numpy as np
import pytest
import torch
from scipy.special import rel_entr
from sklearn.linear_model import LogisticRegression
from torch import nn

from featsplit.data.images import ImageData
from featsplit.models import ModelSpec, build
from featsplit.studies.szegedy2014.fitting import SPARSITY, divergence, encode, fit
from featsplit.studies.szegedy2014.networks import HERE

DECAY = 0.05


def test_decay_is_half_of_the_squared_weights_and_of_no_bias(digits: ImageData) -> None:
    inputs, labels = digits.train.inputs()[:200], digits.train.labels[:200]
    model = build(ModelSpec("linear"), shape=digits.shape, classes=10)
    fit(model, inputs, labels, decay=(DECAY,), iterations=300)
    oracle = LogisticRegression(C=1 / (DECAY * 200), tol=1e-8, max_iter=5000)
    oracle.fit(inputs.flatten(1).double().numpy(), labels.numpy())
    np.testing.assert_allclose(model.head.weight.detach().numpy(), oracle.coef_, atol=2e-3)


def test_layers_without_a_decay_stay_as_they_are(digits: ImageData) -> None:
    model = build(ModelSpec(f"{HERE}:ae400_10"), shape=digits.shape, classes=10)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    fit(model, digits.train.inputs()[:100], digits.train.labels[:100], decay=(1e-6,), iterations=20)
    after = model.state_dict()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == {"head.weight", "head.bias"}
    assert all(parameter.requires_grad for parameter in model.parameters())
    assert not model.training


def test_the_divergence_is_that_of_coins() -> None:
    means = np.array([0.01, 0.05, 0.5, 0.9])
    coins = np.stack([means, 1 - means])
    wanted = rel_entr(np.array([[SPARSITY], [1 - SPARSITY]]), coins).sum()
    assert float(divergence(torch.tensor(means))) == pytest.approx(wanted)


def test_an_encoder_gives_its_images_back_by_few_units(digits: ImageData) -> None:
    inputs = digits.train.inputs()[:300].flatten(1)
    torch.manual_seed(0)
    layer = nn.Linear(64, 100)
    encode(layer, inputs, iterations=120, generator=torch.Generator().manual_seed(0))
    hidden = layer(inputs).sigmoid().detach()
    assert float(hidden.mean()) < 2 * SPARSITY
    design = torch.cat([hidden, torch.ones(300, 1)], dim=1)
    kept = design @ torch.linalg.lstsq(design, inputs).solution
    assert float((kept - inputs).square().mean()) < 0.2 * float((inputs - inputs.mean(dim=0)).square().mean())
