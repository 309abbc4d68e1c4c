"""The guided calibration on the device's screen: one page in a process of its own, the terminal's twin.

`desk` is the engineer as the calibration sees them: its calls wait for the page. `calibrating` is the one calibration
of this process, in a thread beside the server's loop; all that a page shows is there, so that a reload loses nothing.
`wheel` says which browser drives, `start` what stands before a calibration, `words` every text, `page`, `views` and
`keypad` what is drawn, `plots` the curves, `papers` the certificate as PDF, `server` puts it together.
"""
