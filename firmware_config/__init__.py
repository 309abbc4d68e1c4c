"""Everything a site sets: device, protocols, studies; later camera modes, Pi boot files, broker configuration.

TOML files beside the pydantic models that hold their bounds. A wrong file is refused with every error at once, each
with file and key, before a pin is touched. The packaged files are the defaults; a site's own folder goes before them.
"""
