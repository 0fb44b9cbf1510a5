"""libRoadRunner as an engine, one subject at a time: the reference."""
