"""Names that must never become part of a path: attacks, and what no file can be called."""

ATTACKS = (
    *("../x", "/abs", "a/../../b", "a/b", "./c00.wav", "a/", "", ".", ".."),
    *("..\\x", "a\\b", "\\\\host\\share", "C:x", "c:\\x", "a\0b", "a\nb", "a\x1b[31mb", "a\x9bb", "\udcff"),
    *("x" * 256, "\u00e9" * 128, "x" * 3000),
)
HARMLESS = (
    *("c00.wav", "a b.wav", "...", "..a", "-x", "~", "$HOME", "*", "12:30.wav", "\u00e9\U0001f426.wav", "a'\"&%.wav"),
    "x" * 200,
)
