"""The six figures of the paper's story, in our own layout, from virtual assays; a module a figure."""
