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

import itertools
from collections.abc import Callable
from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from qruntime.execution.layout import LANES

_F64 = ir.DoubleType()
_I64 = ir.IntType(64)
_POINTER = _F64.as_pointer()
_VECTOR = ir.VectorType(_F64, LANES)
_FUSE = ("contract", "nsz")
_NUMBER = itertools.count()


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


def _loop(builder: Any, count: Any, fixed: Any, body: Callable[..., None], groups: int = 1) -> None:
    """Call ``body`` with the first ``count`` vector offsets that are 0 in ``fixed``, in groups."""
    position = cgutils.alloca_once_value(builder, ir.Constant(_I64, 0))
    keep = builder.not_(fixed)

    def following(index: Any) -> Any:
        beyond = builder.add(builder.or_(index, fixed), ir.Constant(_I64, LANES))
        return builder.and_(beyond, keep)

    rounds = builder.udiv(
        builder.add(count, ir.Constant(_I64, groups - 1)), ir.Constant(_I64, groups)
    )
    with cgutils.for_range(builder, rounds):
        indices = [builder.load(position)]
        for _ in range(groups - 1):
            indices.append(following(indices[-1]))
        body(*indices)
        builder.store(following(indices[-1]), position)


def _function(emit: Callable[[Any, Any], None]) -> Any:
    """Return what compiled code may call as a sweep: one function, not a copy at each call."""
    kind = ir.FunctionType(
        ir.VoidType(), [_POINTER, _POINTER, _I64, _I64, _I64, _I64, _I64, _POINTER, _I64]
    )

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
            function = ir.Function(builder.module, kind, f"{__name__}.{next(_NUMBER)}")
            function.linkage = "internal"
            function.attributes.add("noinline")
            inner = ir.IRBuilder(function.append_basic_block())
            emit(inner, function.args)
            inner.ret_void()
            given = [
                _data(context, builder, signature.args[k], value) if k in {0, 1, 7} else value
                for k, value in enumerate(arguments)
            ]
            builder.call(function, given)
            return context.get_dummy_value()

        arrays = (re, im, count, fixed, value, first, second, coefficients, offset)
        return types.void(*arrays), codegen

    return sweep


def dense_sweep(high: int, xors: tuple[int, ...], *, real: bool = False) -> Any:
    """Return a compiled function that multiplies groups of ``2**high`` vectors by a matrix.

    It has the signature ``(re, im, count, fixed, value, first, second, coefficients, offset)``:
    ``count`` groups start at the offsets that are 0 in the bits ``fixed``, with ``value`` added;
    ``first`` and ``second`` are the strides of the high qubits. The matrix is a table of lane
    vectors [row][column][xor], each a real part and (unless ``real``) an imaginary part.
    """

    def emit(builder: Any, arguments: Any) -> None:
        p_re, p_im, number, mask, bits, one, two, p_co, offset = arguments
        size = 1 << high
        shape = (size, size * len(xors))
        table = _coefficients(builder, p_co, offset, shape, real=real)

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

    return _function(emit)


def _tripled(builder: Any, read: Callable[[int], Any], sources: list[list[Any]]) -> list[Any]:
    """One output vector for each group of sources, with three products for a complex one.

    ``(c + id)(x + iy)`` is ``r - (c + d) y`` and ``r + (d - c) x`` with ``r = c (x + y)``; the
    coefficients c, c + d and d - c of a column are read just before they are needed.
    """
    columns = range(len(sources[0]))
    shared: list[Any] = [None] * len(sources)
    for column in columns:
        factor = read(3 * column)
        for k, group in enumerate(sources):
            shared[k] = _accumulate(builder, shared[k], factor, group[column][2], 1)
    real, imag = list(shared), list(shared)
    for column in columns:
        total, difference = read(3 * column + 1), read(3 * column + 2)
        for k, group in enumerate(sources):
            real[k] = _accumulate(builder, real[k], total, group[column][1], -1)
            imag[k] = _accumulate(builder, imag[k], difference, group[column][0], 1)
    return list(zip(real, imag, strict=True))


def _splat(builder: Any, base: Any, index: Any) -> Any:
    number = builder.load(builder.gep(base, [index]))
    first = ir.Constant(ir.IntType(32), 0)
    vector = builder.insert_element(ir.Constant(_VECTOR, ir.Undefined), number, first)
    order = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [first] * LANES)
    return builder.shuffle_vector(vector, vector, order)


def tripled_sweep(high: int, xors: tuple[int, ...], *, groups: int, even: bool) -> Any:
    """Return a compiled function that does what a complex dense sweep does, with fewer products.

    The table holds three lane vectors for each coefficient, or three numbers where all lanes have
    the same (``even``). So many ``groups`` share what is read of it; ``fixed`` must hold all bits
    beyond the state, as the last group of an odd number is done twice, from what was loaded once.
    """

    def emit(builder: Any, arguments: Any) -> None:
        p_re, p_im, number, mask, bits, one, two, p_co, offset = arguments
        columns = (1 << high) * len(xors)

        def body(*indices: Any) -> None:
            places = [
                _targets(builder, builder.or_(index, bits), one, two, high) for index in indices
            ]
            sources = [
                [
                    (x_re, x_im, builder.fadd(x_re, x_im))
                    for at in group
                    for whole in [(_load(builder, p_re, at), _load(builder, p_im, at))]
                    for xor in xors
                    for x_re, x_im in [[_shuffle(builder, part, xor) for part in whole]]
                ]
                for group in places
            ]
            for row in range(1 << high):

                def read(k: int, row: int = row) -> Any:
                    at = (3 * row * columns + k) * (1 if even else LANES)
                    index = builder.add(offset, ir.Constant(_I64, at))
                    return (_splat if even else _load)(builder, p_co, index)

                results = _tripled(builder, read, sources)
                for (out_re, out_im), group in zip(results, places, strict=True):
                    _store(builder, out_re, p_re, group[row])
                    _store(builder, out_im, p_im, group[row])

        _loop(builder, number, mask, body, groups)

    return _function(emit)


def flip_sweep(xor: int) -> Any:
    """Return a compiled function that exchanges amplitudes: the X gate, with controls.

    Same signature as a dense sweep. With ``xor`` 0 the vectors at ``first`` from each other are
    exchanged, else lanes within a vector; lanes whose coefficient is 0 stay as they are.
    """

    def emit(builder: Any, arguments: Any) -> None:
        p_re, p_im, number, mask, bits, one, _, p_co, offset = arguments
        lanes = _load(builder, p_co, offset)
        chosen = builder.fcmp_ordered("!=", lanes, ir.Constant(_VECTOR, [0.0] * LANES))

        def body(index: Any) -> None:
            base = builder.or_(index, bits)
            other = builder.add(base, one)
            for part in (p_re, p_im):
                here = _load(builder, part, base)
                if xor:
                    moved = _shuffle(builder, here, xor)
                    _store(builder, builder.select(chosen, moved, here), part, base)
                else:
                    there = _load(builder, part, other)
                    _store(builder, builder.select(chosen, there, here), part, base)
                    _store(builder, builder.select(chosen, here, there), part, other)

        _loop(builder, number, mask, body)

    return _function(emit)


def copy_sweep(*, back: bool) -> Any:
    """Return a compiled function that copies a piece of the state together, or ``back``.

    Same signature as a dense sweep. ``count`` runs of ``first`` numbers lie where an index is
    ``value`` outside the bits ``fixed``; the piece is in ``coefficients`` from ``offset`` on, its
    imaginary parts ``second`` numbers later.
    """

    def emit(builder: Any, arguments: Any) -> None:
        p_re, p_im, count, spread, base, run, size, piece, offset = arguments
        state_at = cgutils.alloca_once_value(builder, base)
        piece_at = cgutils.alloca_once_value(builder, offset)
        vectors = builder.udiv(run, ir.Constant(_I64, LANES))
        with cgutils.for_range(builder, count):
            state, dense = builder.load(state_at), builder.load(piece_at)
            for part, begin in ((p_re, dense), (p_im, builder.add(dense, size))):
                with cgutils.for_range(builder, vectors) as loop:
                    step = builder.mul(loop.index, ir.Constant(_I64, LANES))
                    far = part, builder.add(state, step)
                    near = piece, builder.add(begin, step)
                    source, target = (near, far) if back else (far, near)
                    _store(builder, _load(builder, *source), *target)
            above = builder.add(builder.or_(state, builder.not_(spread)), ir.Constant(_I64, 1))
            builder.store(builder.or_(base, builder.and_(above, spread)), state_at)
            builder.store(builder.add(dense, run), piece_at)

    return _function(emit)
