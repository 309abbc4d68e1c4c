"""Simulated photos of legs with known mottling, for the score of Ait-Oufella: two renderers behind one spec.

`optics_leg` draws skin from its spectrum (melanin, blood, saturation), `painter_leg` from colours as they are published
for skin, with other patterns, light and noise: what holds on one of them need not hold on the other, and both are
simulation. `other_cameras` draws the legs of `optics_leg` with other pigments, shine, cameras and files, for
development; it counts for no target. They share the leg's outline with each other, and with the algorithm the
definition of the levels.
"""
