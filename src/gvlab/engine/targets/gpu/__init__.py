"""Prints a program as CUDA C, and runs it."""
