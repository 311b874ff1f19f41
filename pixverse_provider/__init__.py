"""PixVerse AI video and lip sync for Apache Airflow.

Nothing of Airflow is imported here: Airflow reads the provider's metadata while it still builds its own
configuration.
"""

from __future__ import annotations

__all__ = ["__version__"]

__version__ = "0.1.0"
