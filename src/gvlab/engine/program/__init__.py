"""From equations to a straight-line program: right-hand side, derivatives, elimination order."""
