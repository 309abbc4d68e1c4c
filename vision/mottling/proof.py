"""Whether what stands out is mottling: blood that is drawn, not a redness that fades nor a darkness that is no blood.

Two properties of a region as a whole tell. Where the skin gets darker within a mesh its blood index rises with it,
which it does not for shade and ink (`vision.mottling.blood`). And a net or a patch is drawn all over, for as much blood
as it has, while redness, or a scar or a vein across a redness, is drawn at a line only.
"""

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.mottling.blood import Blood
from vision.mottling.place import Place
from vision.mottling.strength import Excess, drawing_of

Mask = NDArray[np.bool_]

LEAST_SLOPE: Final = 0.04
"""Of the index on darkness, median over a region; blood of 35 % saturation has 0.31, noise may leave little of it."""
LEAST_DRAWN: Final = 0.13
"""Root mean square of the index within a mesh, of the index itself, both as means over a region: redness that fades, or
that a vein crosses, has less of it; nets and patches have more."""
JOIN_MM: Final = 16.0
"""Parts closer than this are judged together: a mesh."""


def proven(mottled: Mask, blood: Blood, excess: Excess, skin: Mask, place: Place) -> Mask:
    """Return the parts of `mottled` that are drawn in blood, shape (h, w)."""
    if not mottled.any():
        return mottled
    _, energy, _ = drawing_of(excess, skin, place)
    size = 2 * max(1, round(JOIN_MM / 2 / place.mm)) + 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    count, labels = cv2.connectedComponents(cv2.dilate(mottled.astype(np.uint8), disc))
    kept = np.zeros(count, dtype=bool)
    cells = np.flatnonzero(mottled.ravel())
    mine, slope = labels.ravel()[cells], blood.slope.ravel()[cells]
    drawn, index = energy.ravel()[cells], excess.index.ravel()[cells]
    for label in range(1, count):
        here = mine == label
        if here.any():
            is_blood = float(np.median(slope[here])) > LEAST_SLOPE
            kept[label] = is_blood and float(drawn[here].mean()) > LEAST_DRAWN * float(index[here].mean())
    return np.asarray(mottled & kept[labels])
