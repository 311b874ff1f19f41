"""The restyle presets. The first id is documented, the others and all names are ours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, kw_only=True)
class Restyle:
    """One preset."""

    restyle_id: int
    name: str
    prompt: str

    @property
    def cover_name(self) -> str:
        """The file of its cover at the media host."""
        return f"restyle-{self.restyle_id}.png"


RESTYLES: Final = (
    Restyle(restyle_id=315446315336768, name="Comic", prompt="comic book look"),
    Restyle(restyle_id=315446315336769, name="Ink wash", prompt="ink wash painting on rice paper"),
    Restyle(restyle_id=315446315336770, name="Clay", prompt="clay figures under a warm lamp"),
    Restyle(restyle_id=627410861853514295, name="Neon", prompt="neon signs on a wet street at night"),
)

_BY_ID: Final = {restyle.restyle_id: restyle for restyle in RESTYLES}


def find_restyle(restyle_id: int) -> Restyle | None:
    """Return the preset of that id."""
    return _BY_ID.get(restyle_id)
