"""In whom: systems, populations and cohorts."""

from gvlab.subject.cohort import Cohort
from gvlab.subject.population import Population
from gvlab.subject.system import System

__all__ = ["Cohort", "Population", "System"]
