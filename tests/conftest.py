"""Fixtures for all test files."""

import pytest


@pytest.fixture(params=["compiled", "python"])
def kernel_version(request):
    """A function that returns a kernel as compiled, or as the plain Python it was written in.

    With NUMBA_DISABLE_JIT=1 both are the same.
    """
    if request.param == "compiled":
        return lambda kernel: kernel
    return lambda kernel: getattr(kernel, "py_func", kernel)
