"""Everything a site sets: device, protocols, studies, trial, broker; and what follows from it for the Pi's boot files.

TOML files beside the pydantic models that hold their bounds. A wrong file is refused with every error at once, each
with file and key, before a pin is touched. The packaged files are the defaults; a site's own folder goes before them.
`install` brings the product onto a Pi, `supply` says what it is made of. No other room is imported.
"""
