"""The one place that holds the product's version."""

__version__ = "0.1.0"
