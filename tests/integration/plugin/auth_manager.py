"""Auth managers of the tests: Airflow's simple one, and what it cannot refuse by itself."""

from __future__ import annotations

from typing import Any

from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager

DENIED_DAG = "pages_denied"
NO_XCOMS_USER = "nox"


class OneDagDenied(SimpleAuthManager):
    """Gives nobody but admins one of the DAGs, and one user no XComs at all."""

    def is_authorized_dag(
        self, *, method: Any, user: Any, access_entity: Any = None, details: Any = None
    ) -> bool:
        """Tell whether a user may do that."""
        if details is not None and details.id == DENIED_DAG and user.role != "ADMIN":
            return False
        if user.username == NO_XCOMS_USER and access_entity == DagAccessEntity.XCOM:
            return False
        return bool(
            super().is_authorized_dag(method=method, user=user, access_entity=access_entity, details=details)
        )
