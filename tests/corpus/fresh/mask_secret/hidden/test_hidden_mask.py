from secrets_text import mask, mask_mapping


def test_length_stays():
    for text in ("", "a", "ab", "abcdef"):
        for visible in range(8):
            masked = mask(text, visible, "#")
            assert len(masked) == len(text)
            assert masked.count("#") == max(0, len(text) - visible)
    assert mask_mapping({"password": "x"}, visible=0) == {"password": "*"}
