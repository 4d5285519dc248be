from __future__ import annotations

import pytest

from display.sinks.keyboard import key_of


@pytest.mark.parametrize("letter", [*"apnviqhrf?", *"123456789"])
def test_letters_digits_and_the_question_mark_are_recognised(letter: str) -> None:
    assert key_of(ord(letter)) == letter


@pytest.mark.parametrize("code", [ord("P"), ord("P") | 1 << 16, ord("P") | 2 << 16, ord("p") | 16 << 16])
def test_shift_caps_lock_and_num_lock_change_nothing(code: int) -> None:
    assert key_of(code) == "p"


@pytest.mark.parametrize(
    "code",
    [
        -1,
        0,
        0xFF61,  # Print Screen
        0xFF69,  # Cancel, whose lower byte is "i"
        0xFFBE,  # F1
        0xFF51,  # left
        0x1008FF14,  # play
        0x1B,  # Escape
        ord("!"),
        0xE1,  # á
        ord("a") | 4 << 16,  # Ctrl
        ord("a") | 8 << 16,  # Alt
        ord("a") | 64 << 16,  # Super
    ],
)
def test_other_keys_are_ignored(code: int) -> None:
    assert key_of(code) == ""
