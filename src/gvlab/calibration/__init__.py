"""What do the data say about the parameters? Plausible ensembles, and what they make of each finding."""

from gvlab.calibration.predict import Prediction, predict
from gvlab.findings.many_sets import Evaluator
from gvlab.library.ensemble_recipe import Recipe
from gvlab.subject.parameter_space import ParameterSpace
from gvlab.subject.plausible import Ensemble

__all__ = ["Ensemble", "Evaluator", "ParameterSpace", "Prediction", "Recipe", "predict"]
