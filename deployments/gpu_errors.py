"""Errors of a GPU, after which a process gets nothing more out of it, told from a bad request's."""

from __future__ import annotations

# As CTranslate2 begins them, whatever the GPU says: out of memory, device-side assert triggered, an
# illegal memory access, no device, CUBLAS_STATUS_EXECUTION_FAILED ...
_BEGINNINGS = ("CUDA failed with error", "cuBLAS failed with status", "cuDNN failed with status")


def is_gpu_failure(error: BaseException) -> bool:
    """Whether the GPU, rather than the request, is at fault."""
    return isinstance(error, RuntimeError) and any(text in str(error) for text in _BEGINNINGS)
