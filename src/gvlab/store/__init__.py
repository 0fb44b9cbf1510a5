"""Kept runs: a catalogue in SQLite, results as Parquet by the hash of their content, and archives to give away.

=============  ====================================================================================
`database`     the catalogue: opened by any number of processes, migrated with a backup
`objects`      files by the hash of their content; each is there whole or not at all
`run_store`    RunStore: keep, list, note, remove, undo, compare
`archive`      ``.gvlab.zip``: a run with everything that made it; the same bytes for the same run
`differences`  what differs between two experiments, setting by setting
=============  ====================================================================================
"""
