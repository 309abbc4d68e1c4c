"""Check digits: the last digit of a number says whether the others were copied right. Four published ways.

All take a text of digits 0 to 9, at least two, and catch every single wrong digit; damm and verhoeff also catch every
swap of neighbours, luhn and ISO 7064 most of them.
"""

from collections.abc import Callable


def luhn(number: str) -> bool:
    """ISO/IEC 7812-1 annex B: every second digit from the right doubled, sums of digits add up to a multiple of 10."""
    doubled = [2 * int(digit) if place % 2 else int(digit) for place, digit in enumerate(reversed(number))]
    return sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0


_DAMM: tuple[str, ...] = (
    *("0317598642", "7092154863", "4206871359", "1750983426", "6123045978"),
    *("3674209581", "5869720134", "8945362017", "9438617205", "2581436790"),
)
"""The quasigroup of H. M. Damm, Total anti-symmetrische Quasigruppen, Marburg 2004, p. 111."""


def damm(number: str) -> bool:
    """Damm 2004: the interim digit led through the quasigroup ends in 0."""
    interim = 0
    for digit in number:
        interim = int(_DAMM[interim][int(digit)])
    return interim == 0


_FIRST_TURN: tuple[int, ...] = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)
"""The permutation of J. Verhoeff, Error Detecting Decimal Codes, Amsterdam 1969."""


def _dihedral(left: int, right: int) -> int:
    """Multiply in the group of the ten symmetries of a pentagon: 0 to 4 turn it, 5 to 9 also flip it."""
    if left < 5:
        return (left + right) % 5 + (5 if right >= 5 else 0)
    return (left - right) % 5 + (0 if right >= 5 else 5)


def verhoeff(number: str) -> bool:
    """Verhoeff 1969: every digit, turned as often as it stands from the right, multiplied up, ends in 0."""
    product = 0
    for place, digit in enumerate(reversed(number)):
        turned = int(digit)
        for _ in range(place % 8):
            turned = _FIRST_TURN[turned]
        product = _dihedral(product, turned)
    return product == 0


def iso7064_mod11_10(number: str) -> bool:
    """ISO/IEC 7064, the hybrid system MOD 11,10: product carried from digit to digit, ends in 1."""
    product = 10
    for digit in number[:-1]:
        total = (product + int(digit)) % 10 or 10
        product = total * 2 % 11
    return (product + int(number[-1])) % 10 == 1


CHECKS: dict[str, Callable[[str], bool]] = {
    "luhn": luhn,
    "damm": damm,
    "verhoeff": verhoeff,
    "iso7064-mod11-10": iso7064_mod11_10,
}
