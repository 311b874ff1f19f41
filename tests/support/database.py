"""Look into Airflow's metadata database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import MetaData, create_engine

if TYPE_CHECKING:
    from collections.abc import Iterator


def tables(database: str) -> Iterator[tuple[str, str]]:
    """Yield every table of the metadata database, its rows as text."""
    engine = create_engine(database)
    metadata = MetaData()
    metadata.reflect(engine)
    with engine.connect() as connection:
        for table in metadata.sorted_tables:
            yield table.name, "\n".join(map(repr, connection.execute(table.select())))
    engine.dispose()
