"""What the product is made of besides our own files: the locked wheels of a bedside device, where they fit, their
licences, the list of parts (SBOM), and the folder from which it is installed without a network (docs/install.md).

Runs in the development environment, asks pip, and needs a network. `firmware_config.install` uses nothing of it.
"""
