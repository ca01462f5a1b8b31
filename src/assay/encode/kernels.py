"""The two loops over a picture that numpy would take a pass through memory for at every step.

In: pixels, patch responses. Out: arrays filled in place. Does not know: dictionaries, projections, files.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

TURN = np.float32(2 * math.pi)


@njit(nogil=True, cache=True)
def directions(image, planes):  # type: ignore[no-untyped-def]
    """Gradient magnitude of each pixel's strongest channel, shared between the two nearest of the directions.

    ``image`` uint8 (side, side, 3), borders repeated. ``planes`` float32 (side, side, directions), zeros, is filled.
    """
    side = image.shape[0]
    count = planes.shape[2]
    for y in range(side):
        above, below = max(y - 1, 0), min(y + 1, side - 1)
        for x in range(side):
            left, right = max(x - 1, 0), min(x + 1, side - 1)
            strongest, across, down = np.int32(0), np.int32(0), np.int32(0)
            for channel in range(3):
                gx = np.int32(image[y, right, channel]) - np.int32(image[y, left, channel])
                gy = np.int32(image[below, x, channel]) - np.int32(image[above, x, channel])
                power = gx * gx + gy * gy
                if power > strongest:
                    strongest, across, down = power, gx, gy
            if strongest == 0:
                continue
            size = np.sqrt(np.float32(strongest))
            angle = np.arctan2(np.float32(down), np.float32(across)) * (np.float32(count) / TURN)
            angle = angle + np.float32(count) if angle < 0 else angle
            low = int(angle)
            share = angle - np.float32(low)
            planes[y, x, low % count] += size * (np.float32(1) - share)
            planes[y, x, (low + 1) % count] += size * share


@njit(nogil=True, cache=True, fastmath={"reassoc", "contract"})
def pool(responses, edges, threshold, out):  # type: ignore[no-untyped-def]
    """Mean positive and negative responses above a threshold in each cell of a grid over one picture's patches.

    ``responses`` float32 (rows, rows, atoms). ``edges`` int (grid + 1,): where the cells begin and end. ``threshold``: of
    the root mean square of a patch's responses. ``out`` float32 (grid, grid, 2 * atoms), zeros, is filled.
    """
    atoms = responses.shape[2]
    grid = len(edges) - 1
    for i in range(grid):
        for j in range(grid):
            up, down = out[i, j, :atoms], out[i, j, atoms:]
            count = np.float32((edges[i + 1] - edges[i]) * (edges[j + 1] - edges[j]))
            for y in range(edges[i], edges[i + 1]):
                for x in range(edges[j], edges[j + 1]):
                    patch = responses[y, x]
                    squares = np.float32(0)
                    for atom in range(atoms):
                        squares += patch[atom] * patch[atom]
                    bar = threshold * np.sqrt(squares / np.float32(atoms))
                    for atom in range(atoms):
                        up[atom] += max(patch[atom] - bar, np.float32(0))
                        down[atom] += max(-patch[atom] - bar, np.float32(0))
            for slot in range(2 * atoms):
                out[i, j, slot] /= count
