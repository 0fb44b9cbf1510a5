"""The bench: a page that shows an experiment, and answers when a slider is moved.

=============  ==============================================================================================
`limits`       what a request may ask, looked at before any work begins
`evidence`     what the library's records give of an agent; a value beyond them is marked
`state`        an experiment, its seed and what is looked at, as text and as a link
`form`         the controls of the page as data; `edit` carries out what a reader does with them
`laboratory`   runs arms, keeps what was run, stops what nobody waits for any more
`answer`       pictures, tables and sentences of a run, as parts of the page
`pages`        the other pages: the model, the paper, patients, the runs that were kept
`patients`     what the page Patients shows: survival, competing risks, responders against the others
`downloads`    a picture as SVG, PDF, PNG, CSV or workbook; the experiment as Python, command, archive
`security`     who may ask: host, origin, token, size; and what a page may load
`socket`       the WebSocket of the bench
`api`          the JSON API, which does all that the pages do
`app`          all of it together
=============  ==============================================================================================

Nothing imports this package but the command that starts it. It is an extra: ``pip install "gvlab[web]"``.
"""
