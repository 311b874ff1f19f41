"""The rules of a request are written twice, in the provider and in the emulator, and both readings agree."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixverse_provider.emulator.protocol import ApiError
from pixverse_provider.emulator.rules import GENERATIONS
from pixverse_provider.emulator.rules.request import Fields
from pixverse_provider.exceptions import PixVerseInvalidRequestError
from tests.support.kinds import NAMES, Ids, arguments, request_class
from tests.unit.emulator.rules.library import AUDIO, GENERATED, IMAGES, MASK, VIDEO, FakeLibrary

IDS = Ids(video=GENERATED, media=VIDEO, audio=AUDIO, images=(IMAGES[0], IMAGES[1]), mask=MASK)
RULES = {generation.path: generation.rules for generation in GENERATIONS}


def ordered(path: str, body: dict[str, Any]) -> int:
    """Return what the emulator charges for a body that arrives as JSON."""
    return RULES[path](Fields(json.loads(json.dumps(body))), FakeLibrary()).credits


@pytest.mark.parametrize("name", NAMES)
@given(data=st.data())
def test_what_the_provider_sends_is_accepted_and_what_it_refuses_is_refused(
    name: str, data: st.DataObject
) -> None:
    kind = request_class(name)
    given_arguments = data.draw(arguments(name, IDS))
    try:
        request = kind(**given_arguments)
    except PixVerseInvalidRequestError as error:
        with pytest.raises(ApiError):
            pytest.fail(
                f"The provider alone refuses it, for {ordered(kind.path, given_arguments)} credits: {error}"
            )
        return
    try:
        charged = ordered(kind.path, request.payload())
    except ApiError as refusal:
        pytest.fail(f"The emulator alone refuses it: {refusal}")
    assert request.estimated_credits() in (None, charged)
