"""Loops compiled to machine code by numba. Only modules of the solver's core import this one, and only when a plan is made."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., Any])


def compiled(function: F) -> F:
    """The function as machine code, kept beside its file so that only the first run on a machine pays for compiling.

    Arithmetic stays IEEE (no ``fastmath``): a bound must not depend on the order the compiler chose.
    """
    return cast("F", numba.njit(cache=True, nogil=True)(function))
