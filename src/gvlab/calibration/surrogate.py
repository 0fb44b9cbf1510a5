"""A network that has learned, from the sets one ensemble has tried, what a set has to spare: fast, and only a guess.

It proposes; the model disposes. Two hidden layers beside a linear part, trained by Adam [1]_ with Huber's loss, on what
was asked of each set (systems that were not asked weigh nothing).

References
----------
.. [1] Kingma, Ba (2015) Adam: a method for stochastic optimization. ICLR.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array32 = npt.NDArray[np.float32]

_BATCH = 128
_HUBER = 1.5
_FIRST, _SECOND = 0.9, 0.999
"""How long Adam remembers gradients and their squares."""


@dataclass(frozen=True, eq=False)
class _Passed:
    x: Array32
    inner: tuple[Array32, Array32]
    gates: tuple[Array32, Array32]
    hidden: tuple[Array32, Array32]


class Surrogate:
    """Guesses outputs of inputs.

    Parameters
    ----------
    inputs, outputs
        How many.
    hidden
        Units of each hidden layer.
    random
        Source of first weights and of the order of training.
    """

    def __init__(self, inputs: int, outputs: int, hidden: int, random: np.random.Generator) -> None:
        shapes = ((inputs, hidden), (hidden, hidden), (hidden, outputs), (inputs, outputs))
        self._random = random
        self._weights = [_normal(random, shape) for shape in shapes]
        self._weights[3] *= 0
        self._weights += [np.zeros(width, np.float32) for width in (hidden, hidden, outputs)]
        self._momenta = [[np.zeros_like(each) for each in self._weights] for _ in range(2)]
        self._steps = 0

    def guess(self, x: Array32) -> Array32:
        """Return outputs, shape (set, output), of inputs of shape (set, input)."""
        return self._forward(x)[0]

    def guess_and_gradient(self, x: Array32, weigh: Array32) -> tuple[Array32, Array32]:
        """Return outputs, and the gradient of their sum weighed by `weigh` (set, output) by the inputs."""
        y, passed = self._forward(x)
        return y, self.gradient(weigh, passed)

    def gradient(self, weigh: Array32, passed: _Passed) -> Array32:
        """Return the gradient of the weighed sum of outputs by the inputs, shape (set, input)."""
        first, _ = self._backward(weigh, passed)
        return np.asarray(first @ self._weights[0].T + weigh @ self._weights[3].T, dtype=np.float32)

    def forward(self, x: Array32) -> tuple[Array32, _Passed]:
        """Return outputs, and what `gradient` needs."""
        return self._forward(x)

    def train(
        self, x: Array32, y: Array32, known: Array32, epochs: int, rate: float = 2e-3, decay: float = 1.0
    ) -> None:
        """Train on outputs `y` where `known` is 1, shapes (set, output)."""
        n = len(x)
        batch = min(_BATCH, n)
        total, done = epochs * (n // batch), 0
        for _ in range(epochs):
            order = self._random.permutation(n)
            for start in range(0, n - batch + 1, batch):
                rows = order[start : start + batch]
                guess, passed = self._forward(x[rows])
                error = np.clip((guess - y[rows]) * known[rows], -_HUBER, _HUBER) / np.float32(batch)
                self._step(self._slopes(error, passed), rate * (0.05 + 0.95 * (1 - done / total)), decay)
                done += 1

    def _forward(self, x: Array32) -> tuple[Array32, _Passed]:
        one, two, out, straight, add_one, add_two, add_out = self._weights
        inner_one = x @ one + add_one
        gate_one = 1 / (1 + np.exp(-inner_one))
        hidden_one = inner_one * gate_one
        inner_two = hidden_one @ two + add_two
        gate_two = 1 / (1 + np.exp(-inner_two))
        hidden_two = inner_two * gate_two
        y = hidden_two @ out + x @ straight + add_out
        return y, _Passed(x, (inner_one, inner_two), (gate_one, gate_two), (hidden_one, hidden_two))

    def _backward(self, error: Array32, passed: _Passed) -> tuple[Array32, Array32]:
        slope_one, slope_two = (
            np.asarray(gate * (1 + inner * (1 - gate)), dtype=np.float32)
            for gate, inner in zip(passed.gates, passed.inner, strict=True)
        )
        second: Array32 = (error @ self._weights[2].T) * slope_two
        first: Array32 = (second @ self._weights[1].T) * slope_one
        return first, second

    def _slopes(self, error: Array32, passed: _Passed) -> list[Array32]:
        first, second = self._backward(error, passed)
        one, two = passed.hidden
        by_weight = [passed.x.T @ first, one.T @ second, two.T @ error, passed.x.T @ error]
        return [*by_weight, first.sum(axis=0), second.sum(axis=0), error.sum(axis=0)]

    def _step(self, slopes: list[Array32], rate: float, decay: float) -> None:
        self._steps += 1
        near, far = 1 - _FIRST**self._steps, 1 - _SECOND**self._steps
        for weights, slope, mean, square in zip(self._weights, slopes, *self._momenta, strict=True):
            mean += (1 - _FIRST) * (slope - mean)
            square += (1 - _SECOND) * (slope * slope - square)
            weights -= np.float32(rate) * (mean / near) / (np.sqrt(square / far) + np.float32(1e-8))
            if weights.ndim > 1:
                weights *= np.float32(1 - rate * decay)


def _normal(random: np.random.Generator, shape: tuple[int, int]) -> Array32:
    return np.asarray(random.standard_normal(shape) / np.sqrt(shape[0]), dtype=np.float32)
