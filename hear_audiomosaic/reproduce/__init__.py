"""Reports of this project from scratch, by their committed recipes.

- :func:`reproduce`: run one of `RECIPES`, whose settings are in ``reports/NAME/recipe.yaml``.
- :mod:`hear_audiomosaic.reproduce.aliasing`, :mod:`~hear_audiomosaic.reproduce.positions`: measurements of any encoder.
- :mod:`hear_audiomosaic.reproduce.controlled`, :mod:`~hear_audiomosaic.reproduce.gamma`: comparisons that train first.
- :mod:`hear_audiomosaic.reproduce.strangers`: encoders of other people's packages beside the methods.

Unlike all code below it, a recipe may name the methods of this project.
"""

from __future__ import annotations

from hear_audiomosaic.reproduce.recipes import RECIPES, Outcome, read_recipe, reproduce

__all__ = ["RECIPES", "Outcome", "read_recipe", "reproduce"]
