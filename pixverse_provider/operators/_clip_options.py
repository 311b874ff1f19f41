"""The options that the operators for clips share, in the steps in which they are shared."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pixverse_provider.operators._request import RequestOperator

if TYPE_CHECKING:
    from pixverse_provider.operators._request import NumberArg, SwitchArg, TextArg

__all__ = ["ClipOperator", "ClipWithSoundOperator", "StyledClipOperator"]


class ClipOperator(RequestOperator):
    """Make a clip; **costs credits**.

    :param prompt: what it shows, up to 2048 characters, with v6 and c1 up to 5000 (templated).
    :param model: v3.5, v4, v4.5, v5, v5.5, v5.6, v6 or c1 (templated).
    :param duration: seconds: 5 or 8, from v5.5 on also 10, with v6 and c1 any from 1 to 15 (templated).
    :param quality: 360p, 540p, 720p or 1080p; the longest clip of a model may not be possible at 1080p
        (templated).
    :param negative_prompt: what it must not show, up to 2048 characters (templated).
    :param motion_mode: ``normal`` or ``fast``; fast needs a model before v5, 5 s, and less than 1080p
        (templated).
    :param seed: 0 to 2147483647; random by default (templated).
    """

    def __init__(
        self,
        *,
        prompt: TextArg,
        model: TextArg,
        duration: NumberArg,
        quality: TextArg,
        negative_prompt: TextArg | None = None,
        motion_mode: TextArg | None = None,
        seed: NumberArg | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.prompt = prompt
        self.model = model
        self.duration = duration
        self.quality = quality
        self.negative_prompt = negative_prompt
        self.motion_mode = motion_mode
        self.seed = seed


class ClipWithSoundOperator(ClipOperator):
    """Make a clip that may have sound, music or speech; **costs credits**.

    :param sound_effect_switch: add a sound effect; models up to v5 (templated).
    :param sound_effect_content: what is heard, up to 2048 characters; models up to v5 (templated).
    :param sound_mode: ``default_music``, instead of ``sound_effect_content`` (templated).
    :param lip_sync_tts_switch: let somebody in the clip speak; models up to v5 (templated).
    :param lip_sync_tts_content: what is spoken, up to about 140 characters (templated).
    :param lip_sync_tts_speaker_id: voice: ``auto``, or an id of the voice list (templated).
    :param generate_audio_switch: let the model make the audio; v5.5, v5.6, v6 and c1 (templated).
    """

    def __init__(
        self,
        *,
        sound_effect_switch: SwitchArg | None = None,
        sound_effect_content: TextArg | None = None,
        sound_mode: TextArg | None = None,
        lip_sync_tts_switch: SwitchArg | None = None,
        lip_sync_tts_content: TextArg | None = None,
        lip_sync_tts_speaker_id: NumberArg | None = None,
        generate_audio_switch: SwitchArg | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.sound_effect_switch = sound_effect_switch
        self.sound_effect_content = sound_effect_content
        self.sound_mode = sound_mode
        self.lip_sync_tts_switch = lip_sync_tts_switch
        self.lip_sync_tts_content = lip_sync_tts_content
        self.lip_sync_tts_speaker_id = lip_sync_tts_speaker_id
        self.generate_audio_switch = generate_audio_switch


class StyledClipOperator(ClipWithSoundOperator):
    """Make a clip with every option that there is; **costs credits**.

    :param style: ``anime``, ``3d_animation``, ``clay``, ``comic`` or ``cyberpunk``; v3.5 (templated).
    :param camera_movement: one of 20, such as ``zoom_in``; v4 and v4.5 (templated).
    :param water_mark: put the mark of PixVerse on it (templated).
    :param generate_multi_clip_switch: several shots; v5.5 and v6 (templated).
    :param thinking_type: ``enabled``, ``disabled`` or ``auto``; v5.5 (templated).
    """

    def __init__(
        self,
        *,
        style: TextArg | None = None,
        camera_movement: TextArg | None = None,
        water_mark: SwitchArg | None = None,
        generate_multi_clip_switch: SwitchArg | None = None,
        thinking_type: TextArg | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.style = style
        self.camera_movement = camera_movement
        self.water_mark = water_mark
        self.generate_multi_clip_switch = generate_multi_clip_switch
        self.thinking_type = thinking_type
