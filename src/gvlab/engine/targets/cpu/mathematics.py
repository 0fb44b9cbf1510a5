"""Exponential, logarithm and power of a vector of numbers at once, as LLVM code.

Within two units in the last place for `exp` and `log`. Special values follow IEEE arithmetic. What is rare
(trigonometric functions and the like) is left to the C library, one lane at a time.
"""

from __future__ import annotations

import math

from gvlab.engine.targets.cpu.llvm import F64, B, Function, I, V, Value, X, widened

LIBRARY = {
    "sin": "sin",
    "cos": "cos",
    "tan": "tan",
    "asin": "asin",
    "acos": "acos",
    "atan": "atan",
    "sinh": "sinh",
    "cosh": "cosh",
    "tanh": "tanh",
    "asinh": "asinh",
    "acosh": "acosh",
    "atanh": "atanh",
    "factorial": "tgamma",
}
"""Functions of the C library, by operation."""

INTRINSICS = {"sqrt": "sqrt", "abs": "fabs", "floor": "floor", "ceil": "ceil"}
"""Operations that are one machine instruction."""

SLOW = {"exp", "expm1", "log", "log_size", "pow", *LIBRARY}
"""Operations that take ten times as long as a sum, or longer."""

_LN2_HIGH = float.fromhex("0x1.62e42fefa3800p-1")  # 13 trailing zero bits: k times it is exact
_LN2_LOW = float.fromhex("0x1.ef35793c76730p-45")
_ROUND = 1.5 * 2.0**52
"""Adding and subtracting it rounds to a whole number, which is then in the low bits."""


_EXP = (
    0.5000000000000001,
    0.16666666666666669,
    0.041666666666623824,
    0.008333333333330039,
    0.0013888888917367081,
    0.00019841269863171557,
    2.4801521057868204e-05,
    2.7557268276905696e-06,
    2.7620201591031547e-07,
    2.5100472505694996e-08,
)
"""Interpolates (e^r - 1 - r) / r^2 at the Chebyshev nodes of |r| <= 0.347; e^r is then off by 2e-17 at most."""

_LOG = (
    0.666666666666667,
    0.3999999999989889,
    0.28571428626253836,
    0.22222211089379496,
    0.1818289243253687,
    0.15331611722055008,
    0.14617807153417325,
)
"""Interpolates (2 atanh(s) / s - 2) / s^2 at the Chebyshev nodes in s^2 of |s| <= 0.1717; log is off by 5e-18."""


def _exponent_and_rest(f: Function, x: Value) -> tuple[Value, Value]:
    """Print k, in the low bits of a double, and e^r - 1, where x = k ln 2 + r with |r| <= ln 2 / 2."""
    shifted = f.fma(x, math.log2(math.e), _ROUND)
    whole = shifted - _ROUND
    r = f.fma(whole, -_LN2_HIGH, x)
    r = f.fma(whole, -_LN2_LOW, r)
    r2 = r * r
    r4 = r2 * r2
    pairs = [f.fma(r, _EXP[i + 1], _EXP[i]) for i in range(0, 10, 2)]
    low = f.fma(pairs[1], r2, pairs[0])
    middle = f.fma(pairs[3], r2, pairs[2])
    tail = f.fma(f.fma(pairs[4], r4, middle), r4, low)
    return shifted.bits(I), f.fma(tail, r2, r)


def exponential() -> str:
    """Print @vexp: 2^k e^r, the power of two added to the exponent. Results below 5e-308 are 0."""
    f = Function("vexp", [(V, "x")], V)
    x = f.arguments[0]
    k, rest = _exponent_and_rest(f, x)
    result = ((rest + 1.0).bits(I) + (k << 52)).bits(V)
    # Beyond these bounds k has no place in the exponent; nor has what is in the low bits of a NaN.
    result = (x <= 709.782712893384).select(result, x * math.inf)
    f.give((x < -707.7).select(0.0, result))
    return f.text()


def exponential_less_one() -> str:
    """Print @vexpm1: 2 (2^(k-1) (e^r - 1) + (2^(k-1) - 1/2)), which keeps all digits near 0."""
    f = Function("vexpm1", [(V, "x")], V)
    x = f.arguments[0]
    x = (x > 710.0).select(710.0, x)
    x = (x < -60.0).select(-60.0, x)
    k, rest = _exponent_and_rest(f, x)
    scale = ((k + 1022) << 52).bits(V)
    f.give(f.fma(scale, rest, scale - 0.5) * 2.0)
    return f.text()


def logarithm() -> str:
    """Print @vlog: x = 2^e m with m near 1, then 2 atanh((m - 1) / (m + 1))."""
    f = Function("vlog", [(V, "x")], V)
    x = f.arguments[0]
    tiny = x < 2.0**-1022
    scaled = tiny.select(x * 2.0**54, x)
    number = scaled.bits(I)
    exponent = (number - 0x3FE6A09E667F3BCD) >> 52
    m = (number - (exponent << 52)).bits(V)
    e = exponent.floating()
    e = tiny.select(e - 54.0, e)
    result = _log_of_parts(f, m, e)
    result = x.equals(math.inf).select(x, result)
    result = x.equals(0.0).select(-math.inf, result)
    result = (x >= 0.0).select(result, math.nan)
    f.give(result)
    return f.text()


def _log_of_parts(f: Function, m: Value, e: Value) -> Value:
    """Print log m + e log 2."""
    above = m - 1.0
    s = above / (above + 2.0)
    z = s * s
    z2 = z * z
    z4 = z2 * z2
    pairs = [f.fma(z, _LOG[i + 1], _LOG[i]) for i in range(0, 6, 2)]
    low = f.fma(pairs[1], z2, pairs[0])
    high = f.fma(z2, _LOG[6], pairs[2])
    series = f.fma(high, z4, low)
    # log m = above - s (above - z series): the leading term is exact.
    small = f.fma(s, z * series - above, e * _LN2_LOW)
    return f.fma(e, _LN2_HIGH, above + small)


def logarithm_of_size() -> str:
    """Print @vlog_size: log |x|, and -1e300 at 0, so that 0 times it is 0. What is smaller than 2^-1022 counts as 0."""
    f = Function("vlog_size", [(V, "x")], V)
    x = f.call("llvm.fabs.vWf64", V, f.arguments[0])
    number = x.bits(I)
    exponent = (number - 0x3FE6A09E667F3BCD) >> 52
    m = (number - (exponent << 52)).bits(V)
    result = (x < math.inf).select(_log_of_parts(f, m, exponent.floating()), x)
    f.give((x < 2.0**-1022).select(-1e300, result))
    return f.text()


def sign_of_power() -> str:
    """Print @vsign_of_power: 1 for an even exponent, -1 for an odd one, NaN for one that is not whole."""
    f = Function("vsign_of_power", [(V, "y")], V)
    y = f.arguments[0]
    whole = f.call("llvm.floor.vWf64", V, y).equals(y)
    half = y * 0.5
    odd = f.call("llvm.floor.vWf64", V, half).differs(half)
    f.give(whole.select(odd.select(f.const(V, -1.0), 1.0), math.nan))
    return f.text()


def power() -> str:
    """Print @vpow: exp(y log |x|), with the sign and the special cases of IEEE pow."""
    f = Function("vpow", [(V, "x"), (V, "y")], V)
    x, y = f.arguments
    size = f.call("llvm.fabs.vWf64", V, x)
    result = f.call("vexp", V, y * f.call("vlog", V, size))
    whole = f.call("llvm.floor.vWf64", V, y).equals(y)
    half = y * 0.5
    odd = f.call("llvm.floor.vWf64", V, half).differs(half)
    negative = whole.select(odd.select(-result, result), math.nan)
    result = (x < 0.0).select(negative, result)
    result = x.equals(1.0).select(1.0, result)
    f.give(y.equals(0.0).select(1.0, result))
    return f.text()


def lane_by_lane(operation: str) -> str:
    """Print a function that calls the C library for each lane."""
    name = LIBRARY[operation]
    f = Function(f"v{operation}", [(V, "x")], V)
    x = f.arguments[0]
    if operation == "factorial":
        x = x + 1.0
    kept = f.variable(V)
    f.store(x, kept, 0)
    with f.count(f.width()) as lane:
        f.store(f.call(name, F64, f.load(kept, lane, F64)), kept, lane)
    f.give(f.load(kept, 0, V))
    return f.text()


def prelude(operations: set[str]) -> str:
    """Print declarations, and the functions for the operations that a program has."""
    parts = [f"declare {V} @llvm.fma.vWf64({V}, {V}, {V})\n", f"UNLESS8 declare {X} @llvm.fma.v8f64({X}, {X}, {X})\n"]
    parts += [f"declare {V} @llvm.{name}.vWf64({V})\n" for name in INTRINSICS.values()]
    parts += [_PAIRED, exponential(), exponential_less_one(), logarithm(), logarithm_of_size(), _PAIRED]
    parts += [sign_of_power(), power()]
    for operation in sorted(operations & LIBRARY.keys()):
        parts.append(f"declare double @{LIBRARY[operation]}(double)\n")
        parts.append(lane_by_lane(operation))
    return "".join(parts)


_PAIRED = "; worked out in pairs where vectors have one element\n"


def in_pairs(text: str) -> str:
    """Let exponentials and logarithms of single numbers be worked out in vectors of two.

    A single number would go to and fro between the registers of doubles and of whole numbers.
    """
    before, functions, after = text.split(_PAIRED)
    pair = f"declare {V} @llvm.fma.vWf64({V}, {V}, {V})\ndeclare {V} @llvm.fabs.vWf64({V})\n" + functions
    single = [
        f"define internal {V} @{name}({V} %x) alwaysinline nounwind {{\n"
        f"  %two = shufflevector {V} %x, {V} poison, <2 x i32> zeroinitializer\n"
        f"  %both = call <2 x double> @pair_{name}(<2 x double> %two)\n"
        f"  %one = shufflevector <2 x double> %both, <2 x double> poison, <1 x i32> zeroinitializer\n"
        f"  ret {V} %one\n}}\n"
        for name in ("vexp", "vexpm1", "vlog", "vlog_size")
    ]
    return "".join((before, widened(pair, 2).replace("@v", "@pair_v"), *single, after))


def unary(f: Function, operation: str, x: Value) -> Value:
    """Apply a function of one number."""
    if operation == "neg":
        return -x
    if operation in INTRINSICS:
        return f.call(f"llvm.{INTRINSICS[operation]}.vWf64", V, x)
    return f.call(f"v{operation}", V, x)


__all__ = ["INTRINSICS", "LIBRARY", "B", "prelude", "unary"]
