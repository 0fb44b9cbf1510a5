"""Readers of real files: what instruments, spreadsheets and people write, checked, with faults told in words."""
