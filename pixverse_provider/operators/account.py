"""What is left on the account."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pixverse_provider.hooks.pixverse import PixVerseHook
from pixverse_provider.tasks import PixVerseTask, fails_plainly

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.providers.common.compat.sdk import Context

__all__ = ["PixVerseBalanceOperator"]


class PixVerseBalanceOperator(PixVerseTask):
    """Read the credits of the account; free.

    Returns the credits that can be spent. Those of the plan go to the XCom ``credit_monthly``, those bought
    in packs to ``credit_package``.

    :param pixverse_conn_id: Airflow connection of type ``pixverse`` (templated).
    """

    template_fields: Sequence[str] = ("pixverse_conn_id",)
    ui_color = "#e8f4ff"

    def __init__(self, *, pixverse_conn_id: str = PixVerseHook.default_conn_name, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.pixverse_conn_id = pixverse_conn_id

    @fails_plainly
    def execute(self, context: Context) -> int:
        """Read the balance and return what can be spent."""
        self._check_rendered()
        with PixVerseHook(self.pixverse_conn_id) as hook:
            balance = hook.get_balance()
        if self.do_xcom_push:
            context["ti"].xcom_push(key="credit_monthly", value=balance.credit_monthly)
            context["ti"].xcom_push(key="credit_package", value=balance.credit_package)
        self.log.info(
            "%s credits: %s of the plan and %s bought in packs.",
            balance.total,
            balance.credit_monthly,
            balance.credit_package,
        )
        return balance.total
