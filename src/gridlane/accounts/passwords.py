"""Passwords of people: argon2id, in a thread, since one check costs a fifth of a CPU second on purpose."""

import asyncio

from gridlane.kernel.errors import Kind, Refusal

MIN_LENGTH = 10


class PasswordTooWeak(Refusal):
    code = "password_too_weak"
    kind = Kind.INVALID
    sentence = "A password needs at least {length} characters and must not be your mail address."


def check_strength(password: str, email: str) -> None:
    """Raises PasswordTooWeak."""
    if len(password) < MIN_LENGTH or password.casefold() in email.casefold():
        raise PasswordTooWeak(length=MIN_LENGTH)


async def hash_password(password: str) -> str:
    from argon2 import PasswordHasher

    return await asyncio.to_thread(PasswordHasher().hash, password)


async def matches(stored: str | None, password: str) -> bool:
    """Whether the password is the stored one. An unknown account costs the same as a wrong password."""
    return await asyncio.to_thread(_matches, stored or _NOBODYS, password) and stored is not None


def _matches(stored: str, password: str) -> bool:
    from argon2 import PasswordHasher
    from argon2.exceptions import InvalidHashError, VerificationError

    try:
        return PasswordHasher().verify(stored, password)
    except (VerificationError, InvalidHashError):
        return False


# The hash of a password nobody has, with today's parameters.
_NOBODYS = "$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHRzb21lc2FsdA$YyBJ7lzLMBPr/MkDDkV5Ta0YNjn6xvkEMYeRTy0bVcI"
