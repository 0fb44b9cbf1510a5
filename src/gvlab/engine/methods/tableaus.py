"""The coefficients of each method, with their literature."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gvlab.engine.methods import dop853

Row = tuple[float, ...]


@dataclass(frozen=True)
class Rosenbrock:
    """A Rosenbrock method in the form that needs no product with the Jacobian (Hairer and Wanner, IV.7).

    Stage i solves (1/(gamma h) - J) k_i = f(t + c_i h, y + sum_j a_ij k_j) + sum_j c_ij k_j / h + h d_i df/dt.
    The result is the argument of the last stage plus that stage, which is the error estimate as well.

    Attributes
    ----------
    order
        Of the result.
    gamma, a, c, nodes, drift
        gamma; a_ij; c_ij; c_i; d_i.
    dense
        Rows r of H: K_r = sum_j H_rj k_j, and y(theta) = (1 - theta) y0 + theta (y1 + (1 - theta)(K_1 + theta (K_2 +
        theta K_3))).
    """

    name: str
    order: int
    gamma: float
    a: tuple[Row, ...]
    c: tuple[Row, ...]
    nodes: Row
    drift: Row
    dense: tuple[Row, ...]

    @property
    def stages(self) -> int:
        """How many."""
        return len(self.a)


@dataclass(frozen=True)
class RungeKutta:
    """An explicit Runge-Kutta pair whose last stage is the first of the next step, and whose last two are at its end.

    Attributes
    ----------
    order
        Of the result.
    a, nodes
        Coefficients of the stages; the row of the last stage gives the result. Stages beyond it are worked out only
        where an event is looked for inside a step.
    error
        Weights of the error estimate; or of two, of order 5 and 3, from which one of order 8 is made.
    caution
        How many times larger its errors are than those of Rodas5P at the same tolerance; so much tighter it is taken.
    reach
        Length of a step, times the fastest rate, up to which neither its end nor what is interpolated in it swings out.
    dense
        Row i holds the coefficients of theta, theta^2, ... of the weight of stage i.
    stages
        How many lead to the result.
    """

    name: str
    order: int
    a: tuple[Row, ...]
    nodes: Row
    error: tuple[Row, ...]
    caution: float
    reach: float
    dense: tuple[Row, ...]
    stages: int


RODAS5P = Rosenbrock(
    # Steinebach (2023) Construction of Rosenbrock-Wanner method Rodas5P and numerical benchmarks within the Julia
    # Differential Equations package. BIT Numerical Mathematics 63:27. Coefficients as in SciML's published tableau.
    name="rodas5p",
    order=5,
    gamma=0.21193756319429014,
    a=(
        (),
        (3.0,),
        (2.849394379747939, 0.45842242204463923),
        (-6.954028509809101, 2.489845061869568, -10.358996098473584),
        (2.8029986275628964, 0.5072464736228206, -0.3988312541770524, -0.04721187230404641),
        (-7.502846399306121, 2.561846144803919, -11.627539656261098, -0.18268767659942256, 0.030198172008377946),
        (-7.502846399306121, 2.561846144803919, -11.627539656261098, -0.18268767659942256, 0.030198172008377946, 1.0),
        (
            -7.502846399306121,
            2.561846144803919,
            -11.627539656261098,
            -0.18268767659942256,
            0.030198172008377946,
            1.0,
            1.0,
        ),
    ),
    c=(
        (),
        (-14.155112264123755,),
        (-17.97296035885952, -2.859693295451294),
        (147.12150275711716, -1.41221402718213, 71.68940251302358),
        (165.43517024871676, -0.4592823456491126, 42.90938336958603, -5.961986721573306),
        (24.854864614690072, -3.0009227002832186, 47.4931110020768, 5.5814197821558125, -0.6610691825249471),
        (
            30.91273214028599,
            -3.1208243349937974,
            77.79954646070892,
            34.28646028294783,
            -19.097331116725623,
            -28.087943162872662,
        ),
        (
            37.80277123390563,
            -3.2571969029072276,
            112.26918849496327,
            66.9347231244047,
            -40.06618937091002,
            -54.66780262877968,
            -9.48861652309627,
        ),
    ),
    nodes=(0.0, 0.6358126895828704, 0.4095798393397535, 0.9769306725060716, 0.4288403609558664, 1.0, 1.0, 1.0),
    drift=(
        0.21193756319429014,
        -0.42387512638858027,
        -0.3384627126235924,
        1.8046452872882734,
        2.325825639765069,
        0.0,
        0.0,
        0.0,
    ),
    dense=(
        (
            25.948786856663858,
            -2.5579724845846235,
            10.433815404888879,
            -2.3679251022685204,
            0.524948541321073,
            1.1241088310450404,
            0.4272876194431874,
            -0.17202221070155493,
        ),
        (
            -9.91568850695171,
            -0.9689944594115154,
            3.0438037242978453,
            -24.495224566215796,
            20.176138334709044,
            15.98066361424651,
            -6.789040303419874,
            -6.710236069923372,
        ),
        (
            11.419903575922262,
            2.8879645146136994,
            72.92137995996029,
            80.12511834622643,
            -52.072871366152654,
            -59.78993625266729,
            -0.15582684282751913,
            4.883087185713722,
        ),
    ),
)

TSIT5 = RungeKutta(
    # Tsitouras (2011) Runge-Kutta pairs of order 5(4) satisfying only the first column simplifying assumption.
    # Computers & Mathematics with Applications 62:770-775.
    name="tsit5",
    order=5,
    a=(
        (),
        (0.161,),
        (-0.008480655492356989, 0.335480655492357),
        (2.8971530571054935, -6.359448489975075, 4.3622954328695815),
        (5.325864828439257, -11.748883564062828, 7.4955393428898365, -0.09249506636175525),
        (5.86145544294642, -12.92096931784711, 8.159367898576159, -0.071584973281401, -0.028269050394068383),
        (
            0.09646076681806523,
            0.01,
            0.4798896504144996,
            1.379008574103742,
            -3.290069515436081,
            2.324710524099774,
        ),
    ),
    nodes=(0.0, 0.161, 0.327, 0.9, 0.9800255409045097, 1.0, 1.0),
    error=(
        (
            -0.00178001105222577714,
            -0.0008164344596567469,
            0.007880878010261995,
            -0.1447110071732629,
            0.5823571654525552,
            -0.45808210592918697,
            0.015151515151515152,
        ),
    ),
    caution=10.0,
    reach=3.0,
    dense=(
        (1.0, -2.763706197274826, 2.9132554618219126, -1.0530884977290216),
        (0.0, 0.13169999999999998, -0.2234, 0.1017),
        (0.0, 3.9302962368947516, -5.941033872131505, 2.490627285651253),
        (0.0, -12.411077166933676, 30.33818863028232, -16.548102889244902),
        (0.0, 37.50931341651104, -88.1789048947664, 47.37952196281928),
        (0.0, -27.896526289197286, 65.09189467479366, -34.87065786149661),
        (0.0, 1.5, -4.0, 2.5),
    ),
    stages=7,
)


def _powers() -> tuple[Row, ...]:
    """Write the dense output of DOP853 in powers; published is theta (F0 + (1 - theta) (F1 + theta (F2 + ...)))."""
    stages = len(dop853.STAGES) + len(dop853.INNER_STAGES)
    result, begin, end = np.zeros((3, stages))
    result[: len(dop853.STAGES[-1])] = dop853.STAGES[-1]
    begin[0] = end[len(dop853.STAGES) - 1] = 1.0
    terms = [result, begin - result, 2.0 * result - end - begin, *(np.array(row) for row in dop853.INNER)]
    powers = np.zeros((stages, len(terms) + 1))
    basis = np.array([1.0])
    for number, term in enumerate(terms):
        basis = np.convolve(basis, [1.0, -1.0] if number % 2 else [0.0, 1.0])
        powers[:, : basis.size] += np.outer(term, basis)
    return tuple(tuple(row[1:].tolist()) for row in powers)


DOP853 = RungeKutta(
    name="dop853",
    order=8,
    a=dop853.STAGES + dop853.INNER_STAGES,
    nodes=dop853.NODES + dop853.INNER_NODES,
    error=dop853.ERROR,
    caution=3.0,
    reach=4.0,
    dense=_powers(),
    stages=len(dop853.STAGES),
)


METHODS: dict[str, Rosenbrock | RungeKutta] = {method.name: method for method in (RODAS5P, TSIT5, DOP853)}
"""Methods by name."""

CHOICES = {"auto": ("dop853", "rodas5p")}
"""The method to begin with, and the one that takes over a subject that turns out to be stiff."""
