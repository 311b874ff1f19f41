"""A secrets backend as a company writes one: connections come from a service of its own."""

from __future__ import annotations

from typing import Any

from airflow.secrets.base_secrets import BaseSecretsBackend

__all__ = ["CompanyVault"]


class CompanyVault(BaseSecretsBackend):
    """Gives out connections as the text that Airflow understands: JSON or a URI.

    :param kept: texts by the id of their connection.
    """

    def __init__(self, kept: dict[str, str], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._kept = kept

    def get_conn_value(self, conn_id: str, team_name: str | None = None) -> str | None:
        """Return a connection as Airflow asks for it."""
        return self._kept.get(conn_id)
