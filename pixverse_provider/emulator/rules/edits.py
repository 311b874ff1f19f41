"""The generations that work on a video that there is."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Final

from pixverse_provider.emulator.protocol import (
    INVALID_PARAMETER,
    NO_CLEAR_SUBJECT,
    NO_PERSON,
    NOT_FOUND,
    ApiError,
)
from pixverse_provider.emulator.render.edited_clips import EditRecipe, ExtendRecipe, LipSyncRecipe
from pixverse_provider.emulator.render.sound import Voice, find_voice
from pixverse_provider.emulator.rules import prices
from pixverse_provider.emulator.rules.catalogue import (
    EXTENDING,
    LONG_TEXT_LIMIT,
    LOW_QUALITIES,
    QUALITIES,
    TEXT_LIMIT,
    find_restyle,
    pixels,
)
from pixverse_provider.emulator.rules.clip_options import (
    LARGEST_SEED,
    check_prompt,
    clip_order,
    read_options,
    read_seed,
)
from pixverse_provider.emulator.rules.request import (
    SOURCE_FIELDS,
    Library,
    Order,
    Source,
    find_source,
    job_text,
    named_source,
)

if TYPE_CHECKING:
    from pixverse_provider.emulator.rules.request import Fields

_LONGEST_RESTYLE: Final = 16.0
_LAST_KEYFRAME: Final = 2**31 - 1
_EXTEND_FIELDS: Final = (
    *SOURCE_FIELDS, "prompt", "model", "duration", "quality", "seed", "motion_mode", "style",
    "negative_prompt", "template_id", "water_mark",
)  # fmt: skip
TTS_LIMIT: Final = 200
_LIP_SYNC_FIELDS: Final = (
    *SOURCE_FIELDS,
    "audio_media_id",
    "lip_sync_tts_speaker_id",
    "lip_sync_tts_content",
)
_LONGEST_MIMIC: Final = 30.0
_LARGEST_MIMIC: Final = 100 * 1024 * 1024
_NO_SUBJECT_WORD: Final = "[no subject]"
"""In the name of an image: a mimic refuses it with 701002."""
_NO_PERSON_WORD: Final = "[no person]"
"""In the name of a video: a mimic refuses it with 701003."""
_MOST_REFERENCES: Final = 3
_LONGEST_MODIFY: Final = 30.0


def restyle(fields: Fields, library: Library) -> Order:
    """Check a video in another style."""
    fields.refuse_others((*SOURCE_FIELDS, "restyle_id", "restyle_prompt", "seed"))
    restyle_id = fields.identifier("restyle_id")
    own_prompt = fields.text("restyle_prompt")
    named = named_source(fields)
    if (restyle_id is None) == (own_prompt is None):
        raise ApiError(INVALID_PARAMETER, "give exactly one of restyle_id and restyle_prompt")
    check_prompt(own_prompt or "", LONG_TEXT_LIMIT)
    prompt = own_prompt or _prompt_of(restyle_id or 0)
    seed = read_seed(fields, prompt)
    video = find_source(named, library, longest=_LONGEST_RESTYLE)
    return Order(
        credits=prices.restyle(video.seconds),
        recipe=EditRecipe(video=video.file, seconds=video.seconds, tint=seed, caption=prompt),
        text=job_text(prompt, video),
        resolution_ratio=video.resolution_ratio,
        prompt=prompt,
        seed=seed,
    )


def _prompt_of(restyle_id: int) -> str:
    found = find_restyle(restyle_id)
    if found is None:
        raise ApiError(NOT_FOUND, "restyle_id not known")
    return found.prompt


def swap(fields: Fields, library: Library) -> Order:
    """Check a part of a video replaced by an image.

    Source and key frame are those of the selection that found the mask.
    """
    fields.refuse_others(
        (*SOURCE_FIELDS, "keyframe_id", "mask_id", "img_id", "quality", "original_sound_switch")
    )
    named = named_source(fields)
    keyframe_id = _read_keyframe(fields)
    mask_id = fields.required_text("mask_id")
    img_id = fields.required_identifier("img_id")
    quality = fields.required_choice("quality", LOW_QUALITIES)
    keep_sound = fields.switch("original_sound_switch")
    video = find_source(named, library)
    image = library.image("img_id", img_id)
    mask = library.mask("mask_id", mask_id)
    if (mask.source, mask.keyframe_id) != (named, keyframe_id):
        raise ApiError(INVALID_PARAMETER, "mask_id belongs to another source or keyframe_id")
    return Order(
        credits=prices.edit(quality=quality, seconds=video.seconds),
        recipe=EditRecipe(
            video=video.file,
            seconds=video.seconds,
            quality=pixels(quality),
            inside=(mask.mask_name, image.file),
            keep_sound=keep_sound,
        ),
        text=job_text(f"{mask.mask_name} replaced", video, image),
        resolution_ratio=pixels(quality),
    )


def mask_selection(fields: Fields, library: Library) -> tuple[tuple[str, int], int, Source]:
    """Check a mask selection.

    :return: the field that names the video, and its id; the key frame; the video.
    """
    fields.refuse_others((*SOURCE_FIELDS, "keyframe_id"))
    source, keyframe_id = named_source(fields), _read_keyframe(fields)
    return source, keyframe_id, find_source(source, library)


def _read_keyframe(fields: Fields) -> int:
    """Return the key frame, counted from 1; the first when left out."""
    if not fields.given("keyframe_id"):
        return 1
    return fields.required_integer("keyframe_id", lowest=1, highest=_LAST_KEYFRAME)


def sound_effect(fields: Fields, library: Library) -> Order:
    """Check a sound track for a video.

    Without a text the sound is automatic. A newer catalogue calls the text ``prompt``, and PixVerse's own
    client has a ``seed``.
    """
    fields.refuse_others((*SOURCE_FIELDS, "sound_effect_content", "prompt", "original_sound_switch", "seed"))
    named = named_source(fields)
    content = fields.text("sound_effect_content")
    prompt = check_prompt(content or fields.text("prompt") or "", TEXT_LIMIT)
    seed = fields.integer("seed", lowest=0, highest=LARGEST_SEED)
    keep_sound = fields.switch("original_sound_switch")
    video = find_source(named, library)
    return Order(
        credits=prices.sound_effect(video.seconds),
        recipe=EditRecipe(
            video=video.file, seconds=video.seconds, sound_effect=prompt or "automatic", keep_sound=keep_sound
        ),
        text=job_text(prompt, video),
        resolution_ratio=video.resolution_ratio,
        prompt=prompt,
        seed=seed or 0,
    )


def extend(fields: Fields, library: Library) -> Order:
    """Check a video that goes on; the seed may be left out, as the guide says."""
    fields.refuse_others(_EXTEND_FIELDS)
    named = named_source(fields)
    options = read_options(fields, EXTENDING)
    video = find_source(named, library)
    recipe = ExtendRecipe(
        video=video.file,
        seconds=video.seconds,
        added=options.seconds,
        quality=options.resolution_ratio,
        prompt=options.prompt,
    )
    return clip_order(options, recipe, video)


def lip_sync(fields: Fields, library: Library) -> Order:
    """Check one video and one voice.

    In the order: fields, sources, speech, existence, media type, speaker, length of the text.
    """
    fields.refuse_others(_LIP_SYNC_FIELDS)
    for name in SOURCE_FIELDS:
        fields.identifier(name)
    audio_media_id = fields.identifier("audio_media_id")
    speaker_id = fields.text("lip_sync_tts_speaker_id")
    content = fields.text("lip_sync_tts_content")

    named = named_source(fields)
    if audio_media_id is None and speaker_id is None and content is None:
        raise ApiError(INVALID_PARAMETER, "neither audio nor a TTS pair was given")
    if audio_media_id is not None and (speaker_id is not None or content is not None):
        raise ApiError(INVALID_PARAMETER, "give either audio_media_id or a TTS pair, not both")
    if audio_media_id is None and (speaker_id is None or content is None):
        raise ApiError(
            INVALID_PARAMETER, "a TTS pair needs both lip_sync_tts_speaker_id and lip_sync_tts_content"
        )

    video = find_source(named, library, unknown=INVALID_PARAMETER)
    if audio_media_id is not None:
        return _to_audio(video, library.uploaded("audio_media_id", audio_media_id, "audio"))
    return _to_speech(video, speaker_id or "", content or "")


def _to_audio(video: Source, audio: Source) -> Order:
    return Order(
        credits=prices.lip_sync_audio(audio.seconds),
        recipe=LipSyncRecipe(video=video.file, audio=audio.file),
        text=f"{video.name} speaks {audio.name}",
        resolution_ratio=video.resolution_ratio,
    )


def _to_speech(video: Source, speaker_id: str, content: str) -> Order:
    voice = _known_voice(speaker_id)
    if not content.strip():
        raise ApiError(INVALID_PARAMETER, "TTS text not acceptable")
    if len(content) > TTS_LIMIT:
        raise ApiError(INVALID_PARAMETER, f"TTS text over {TTS_LIMIT} characters")
    return Order(
        credits=prices.lip_sync_tts(content),
        recipe=LipSyncRecipe(video=video.file, voice=voice, text=content),
        text=content,
        resolution_ratio=video.resolution_ratio,
    )


def _known_voice(speaker_id: str) -> Voice:
    voice = find_voice(speaker_id)
    if voice is None:
        raise ApiError(INVALID_PARAMETER, "speaker not known")
    return voice


def mimic(fields: Fields, library: Library) -> Order:
    """Check a character that moves as somebody in a video does.

    1080p is accepted, since the schema has it though the guide has not.
    """
    fields.refuse_others((*SOURCE_FIELDS, "img_id", "quality"))
    named = named_source(fields)
    img_id = fields.required_identifier("img_id")
    quality = fields.required_choice("quality", QUALITIES)
    video = find_source(named, library, longest=_LONGEST_MIMIC)
    if video.size > _LARGEST_MIMIC:
        raise ApiError(INVALID_PARAMETER, f"{named[0]} is over {_LARGEST_MIMIC // 1024 // 1024} MB")
    image = library.image("img_id", img_id)
    if _NO_SUBJECT_WORD in image.name:
        raise ApiError(NO_CLEAR_SUBJECT)
    if _NO_PERSON_WORD in video.name:
        raise ApiError(NO_PERSON)
    return Order(
        credits=prices.edit(quality=quality, seconds=video.seconds),
        recipe=EditRecipe(
            video=video.file,
            seconds=video.seconds,
            quality=pixels(quality),
            character=image.file,
        ),
        text=job_text("", image, video),
        resolution_ratio=pixels(quality),
    )


def modify(fields: Fields, library: Library) -> Order:
    """Check a video changed by a prompt, masks and images. What ``mask_urls`` point at is not fetched."""
    fields.refuse_others(
        (*SOURCE_FIELDS, "prompt", "quality", "img_ids", "mask_ids", "mask_urls", "keyframe_ids")
    )
    named = named_source(fields)
    prompt = check_prompt(fields.required_text("prompt"), LONG_TEXT_LIMIT)
    quality = fields.required_choice("quality", LOW_QUALITIES)
    img_ids = fields.identifiers("img_ids", most=_MOST_REFERENCES)
    mask_ids = fields.texts("mask_ids", most=_MOST_REFERENCES)
    fields.texts("mask_urls", most=_MOST_REFERENCES)
    fields.identifiers("keyframe_ids", most=_MOST_REFERENCES)
    video = find_source(named, library, longest=_LONGEST_MODIFY)
    images = [library.image("img_ids", img_id) for img_id in img_ids]
    for mask_id in mask_ids:
        library.mask("mask_ids", mask_id)
    return Order(
        credits=prices.edit(quality=quality, seconds=video.seconds),
        recipe=EditRecipe(
            video=video.file,
            seconds=video.seconds,
            quality=pixels(quality),
            tint=zlib.crc32(prompt.encode()),
            caption=prompt,
            cards=tuple(image.file for image in images),
        ),
        text=job_text(prompt, video, *images),
        resolution_ratio=pixels(quality),
        prompt=prompt,
    )
