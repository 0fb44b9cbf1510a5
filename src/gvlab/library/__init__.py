"""The biology as data: records, tables and the bibliography of a library, read by kind and name.

``GVLAB_LIBRARY`` names a folder (several are joined with the separator of PATH) laid out like this one; what it holds
stands in front of what is here. `Library` says how.
"""

from gvlab.library.library import Library, read_table
from gvlab.library.reading import parse_table

__all__ = ["Library", "parse_table", "read_table"]
