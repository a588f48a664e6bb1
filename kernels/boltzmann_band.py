"""Banded elimination of many systems with the same pattern.

Row i of the work array holds the band of row i of the matrix, and its source in the last column::

    columns i - width ... i ... i + width ... i + 2 width | source
            below the diagonal    band        fill-in of row exchanges
"""

from numba import njit


@njit(cache=True)
def fill_band_solution(entry, row, column, width, source, work, out, residual):
    """Solve one banded system per drive; the uniform equation [qbe 11] on angular harmonics.

    Parameters
    ----------
    entry : float64 or complex128[n_drives, n_entries]
        Elements that are not zero.
    row, column : int64[n_entries]
        Places of the elements, each at most once, with ``abs(row - column) <= width``.
    width : int64
        Half width of the band.
    source : float64[n_rows]
        Right side, the same for all drives.
    work : dtype of entry[n_rows, 3 width + 2]
        Overwritten; row i holds columns ``i - width`` to ``i + 2 width``, then its source.
    out : dtype of entry[n_drives, n_rows]
        Overwritten: the solutions.
    residual : float64[n_drives]
        Overwritten: the largest true residual. It is infinite for a singular matrix; its row of
        ``out`` then has no meaning.

    Notes
    -----
    Serial. Rows are exchanged inside the band, and zeros are skipped.
    """
    n_rows, last = source.shape[0], 3 * width + 1
    for d in range(entry.shape[0]):
        # Write the elements into the band, and the source beside them.
        work[:] = 0.0
        for k in range(row.shape[0]):
            work[row[k], column[k] - row[k] + width] = entry[d, k]
        for i in range(n_rows):
            work[i, last] = source[i]
        residual[d] = 0.0
        if not _eliminate_band(work, width):
            residual[d] = float("inf")
            continue
        # Back-substitute.
        for i in range(n_rows - 1, -1, -1):
            total = work[i, last]
            for j in range(i + 1, min(n_rows, i + 2 * width + 1)):
                total -= work[i, j - i + width] * out[d, j]
            out[d, i] = total / work[i, width]
        # True residual, from the elements as given.
        for i in range(n_rows):
            work[i, last] = -source[i]
        for k in range(row.shape[0]):
            work[row[k], last] += entry[d, k] * out[d, column[k]]
        for i in range(n_rows):
            miss = abs(work[i, last])
            if not miss <= residual[d]:
                residual[d] = miss


@njit(cache=True)
def _eliminate_band(work, width):
    """Reduce a banded matrix to its upper triangle, in place; False if a pivot is zero."""
    n_rows, last, stop = work.shape[0], 3 * width + 1, 0
    for i in range(n_rows):
        # The pivot is the largest element of this column.
        end = min(n_rows, i + width + 1)
        best, largest = i, abs(work[i, width])
        for k in range(i + 1, end):
            size = abs(work[k, i - k + width])
            if size > largest:
                best, largest = k, size
        if largest == 0.0:
            return False
        # The rows so far have no element in column ``stop`` or beyond.
        stop = min(n_rows, max(stop, best + width + 1))
        if best != i:
            for j in range(i, stop):
                here, there = j - i + width, j - best + width
                work[i, here], work[best, there] = work[best, there], work[i, here]
            work[i, last], work[best, last] = work[best, last], work[i, last]
        # Subtract the pivot row from the rows below it that have an element in this column.
        pivot = work[i, width : width + stop - i]
        for k in range(i + 1, end):
            first = i - k + width
            if work[k, first] != 0.0:
                target = work[k, first : first + stop - i]
                factor = target[0] / pivot[0]
                for j in range(pivot.shape[0]):
                    target[j] -= factor * pivot[j]
                work[k, last] -= factor * work[i, last]
    return True
