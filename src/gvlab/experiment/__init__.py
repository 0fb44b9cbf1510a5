"""What was the study: experiments and their results."""

from gvlab.experiment.experiment import Experiment
from gvlab.experiment.results import Results

__all__ = ["Experiment", "Results"]
