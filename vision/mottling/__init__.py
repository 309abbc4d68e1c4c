"""The mottling score of a leg from a photo (Ait-Oufella 2011): 0 to 5 by extent, a map, and how far the photo can tell.

Arrays in, results out. `levels` defines what the score means on a picture, `result` what comes out, `assess` is the way
from one to the other. A person confirms or changes the score; what is found here is never the last word.
"""
