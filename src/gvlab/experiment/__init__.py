"""What was the study: experiments, their results, and what they say about published statements."""

from gvlab.experiment.experiment import Experiment
from gvlab.experiment.finding import JudgedFinding, judge, judge_all
from gvlab.experiment.judge import Verdict
from gvlab.experiment.results import Results
from gvlab.experiment.study import Study

__all__ = ["Experiment", "JudgedFinding", "Results", "Study", "Verdict", "judge", "judge_all"]
