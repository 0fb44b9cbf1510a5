"""Targets: where a program can be printed for, by name. Each is loaded when asked for."""

from __future__ import annotations

TARGETS = {"cpu": "gvlab.engine.targets.cpu.code", "gpu": "gvlab.engine.targets.gpu.device"}
