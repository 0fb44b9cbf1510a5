"""An in-silico laboratory of graft-versus-leukemia."""
