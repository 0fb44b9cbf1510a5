"""What do the data say about the parameters? Plausible ensembles, and what they make of each finding."""

from gvlab.calibration.ensemble import Ensemble
from gvlab.calibration.evaluate import Evaluator
from gvlab.calibration.predict import Prediction, predict
from gvlab.calibration.recipe import Recipe
from gvlab.calibration.space import ParameterSpace

__all__ = ["Ensemble", "Evaluator", "ParameterSpace", "Prediction", "Recipe", "predict"]
