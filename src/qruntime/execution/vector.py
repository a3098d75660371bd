# SPDX-License-Identifier: Apache-2.0
"""Sweeps over a statevector, emitted as explicit eight-lane vector code.

The state is two float64 arrays, real and imaginary parts. Its three lowest qubits live inside a
vector of eight lanes ("lane qubits"), all others choose vectors. LLVM splits the vectors to what
the machine has, so the code is the same on AVX-512, AVX2, SSE2 and NEON. Automatic vectorisation
is no substitute: it cannot shuffle lanes, and it checks for overlap in every inner loop.
"""
# ruff: noqa: PLR0913, PLR0917 - the arguments of a sweep are the registers of its loop
# mypy: disable-error-code="no-untyped-def, no-untyped-call, untyped-decorator, call-arg"

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

from qruntime.execution.layout import LANES

_F64 = ir.DoubleType()
_I64 = ir.IntType(64)
_VECTOR = ir.VectorType(_F64, LANES)
_FUSE = ("contract", "nsz")


def _data(context: Any, builder: Any, array_type: Any, array: Any) -> Any:
    return context.make_array(array_type)(context, builder, array).data


def _load(builder: Any, base: Any, index: Any) -> Any:
    pointer = builder.bitcast(builder.gep(base, [index]), _VECTOR.as_pointer())
    return builder.load(pointer, align=8)


def _store(builder: Any, value: Any, base: Any, index: Any) -> None:
    pointer = builder.bitcast(builder.gep(base, [index]), _VECTOR.as_pointer())
    builder.store(value, pointer, align=8)


def _shuffle(builder: Any, vector: Any, xor: int) -> Any:
    if xor == 0:
        return vector
    order = ir.Constant(
        ir.VectorType(ir.IntType(32), LANES),
        [ir.Constant(ir.IntType(32), lane ^ xor) for lane in range(LANES)],
    )
    return builder.shuffle_vector(vector, vector, order)


def _accumulate(builder: Any, total: Any, left: Any, right: Any, sign: int) -> Any:
    product = builder.fmul(left, right, flags=_FUSE)
    if total is None:
        return product if sign > 0 else builder.fneg(product)
    combine = builder.fadd if sign > 0 else builder.fsub
    return combine(total, product, flags=_FUSE)


def _combine(builder: Any, coefficients: list[Any], sources: list[Any]) -> tuple[Any, Any]:
    """One output vector: the sum of coefficient times source, complex or with real coefficients."""
    real = imag = None
    for (c_re, c_im), (x_re, x_im) in zip(coefficients, sources, strict=True):
        real = _accumulate(builder, real, c_re, x_re, 1)
        imag = _accumulate(builder, imag, c_re, x_im, 1)
        if c_im is not None:
            real = _accumulate(builder, real, c_im, x_im, -1)
            imag = _accumulate(builder, imag, c_im, x_re, 1)
    return real, imag


def _coefficients(
    builder: Any, base: Any, offset: Any, shape: tuple[int, int], *, real: bool
) -> list[list[Any]]:
    rows, columns = shape
    parts = 1 if real else 2
    table: list[list[Any]] = []
    for row in range(rows):
        line: list[Any] = []
        for column in range(columns):
            at = ((row * columns) + column) * parts * LANES
            index = builder.add(offset, ir.Constant(_I64, at))
            c_re = _load(builder, base, index)
            c_im = None
            if not real:
                c_im = _load(builder, base, builder.add(index, ir.Constant(_I64, LANES)))
            line.append((c_re, c_im))
        table.append(line)
    return table


def _targets(builder: Any, base: Any, first: Any, second: Any, high: int) -> list[Any]:
    if high == 0:
        return [base]
    indices = [base, builder.add(base, first)]
    if high == 2:
        indices += [builder.add(index, second) for index in indices]
    return indices


def _loop(builder: Any, count: Any, fixed: Any, body: Callable[[Any], None]) -> None:
    """Call ``body`` with each of the first ``count`` vector offsets that are 0 in ``fixed``."""
    position = cgutils.alloca_once_value(builder, ir.Constant(_I64, 0))
    keep = builder.not_(fixed)
    with cgutils.for_range(builder, count):
        index = builder.load(position)
        body(index)
        following = builder.add(builder.or_(index, fixed), ir.Constant(_I64, LANES))
        builder.store(builder.and_(following, keep), position)


def dense_sweep(high: int, xors: tuple[int, ...], *, real: bool = False) -> Any:
    """Return a compiled function that multiplies groups of ``2**high`` vectors by a matrix.

    It has the signature ``(re, im, count, fixed, value, first, second, coefficients, offset)``:
    ``count`` groups start at the offsets that are 0 in the bits ``fixed``, with ``value`` added;
    ``first`` and ``second`` are the strides of the high qubits. The matrix is a table of lane
    vectors [row][column][xor], each a real part and (unless ``real``) an imaginary part.
    """

    @intrinsic
    def sweep(
        _context: Any,
        re: Any,
        im: Any,
        count: Any,
        fixed: Any,
        value: Any,
        first: Any,
        second: Any,
        coefficients: Any,
        offset: Any,
    ) -> Any:
        def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            kinds = signature.args
            p_re = _data(context, builder, kinds[0], arguments[0])
            p_im = _data(context, builder, kinds[1], arguments[1])
            number, mask, bits, one, two = arguments[2:7]
            p_co = _data(context, builder, kinds[7], arguments[7])
            size = 1 << high
            shape = (size, size * len(xors))
            table = _coefficients(builder, p_co, arguments[8], shape, real=real)

            def body(index: Any) -> None:
                places = _targets(builder, builder.or_(index, bits), one, two, high)
                loaded = [(_load(builder, p_re, at), _load(builder, p_im, at)) for at in places]
                sources = [
                    (_shuffle(builder, x_re, xor), _shuffle(builder, x_im, xor))
                    for x_re, x_im in loaded
                    for xor in xors
                ]
                results = [_combine(builder, line, sources) for line in table]
                for (out_re, out_im), at in zip(results, places, strict=True):
                    _store(builder, out_re, p_re, at)
                    _store(builder, out_im, p_im, at)

            _loop(builder, number, mask, body)
            return context.get_dummy_value()

        arrays = (re, im, count, fixed, value, first, second, coefficients, offset)
        return types.void(*arrays), codegen

    @njit(nogil=True)
    def kernel(re, im, count, fixed, value, first, second, coefficients, offset):
        sweep(re, im, count, fixed, value, first, second, coefficients, offset)

    return kernel


def flip_sweep(xor: int) -> Any:
    """Return a compiled function that exchanges amplitudes: the X gate, with controls.

    Same signature as a dense sweep. With ``xor`` 0 the vectors at ``first`` from each other are
    exchanged, else lanes within a vector; lanes whose coefficient is 0 stay as they are.
    """

    @intrinsic
    def sweep(
        _context: Any,
        re: Any,
        im: Any,
        count: Any,
        fixed: Any,
        value: Any,
        first: Any,
        second: Any,
        coefficients: Any,
        offset: Any,
    ) -> Any:
        def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            kinds = signature.args
            parts = [_data(context, builder, kinds[k], arguments[k]) for k in (0, 1)]
            number, mask, bits, one = arguments[2:6]
            p_co = _data(context, builder, kinds[7], arguments[7])
            lanes = _load(builder, p_co, arguments[8])
            chosen = builder.fcmp_ordered("!=", lanes, ir.Constant(_VECTOR, [0.0] * LANES))

            def body(index: Any) -> None:
                base = builder.or_(index, bits)
                other = builder.add(base, one)
                for part in parts:
                    here = _load(builder, part, base)
                    if xor:
                        moved = _shuffle(builder, here, xor)
                        _store(builder, builder.select(chosen, moved, here), part, base)
                    else:
                        there = _load(builder, part, other)
                        _store(builder, builder.select(chosen, there, here), part, base)
                        _store(builder, builder.select(chosen, here, there), part, other)

            _loop(builder, number, mask, body)
            return context.get_dummy_value()

        arrays = (re, im, count, fixed, value, first, second, coefficients, offset)
        return types.void(*arrays), codegen

    @njit(nogil=True)
    def kernel(re, im, count, fixed, value, first, second, coefficients, offset):
        sweep(re, im, count, fixed, value, first, second, coefficients, offset)

    return kernel
