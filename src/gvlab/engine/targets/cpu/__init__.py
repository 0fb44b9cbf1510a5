"""Prints a program as LLVM vector code."""
