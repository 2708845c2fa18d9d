"""Accounts for tests: sign-ups whose secrets are easily told from everything else."""

from typing import Any

from streams.accounts.changes import SignedUp

MAIL_DOMAIN = "secret-mail.example"
HASH_MARK = "$argon2id$secret-hash$"
SECRETS = (MAIL_DOMAIN, HASH_MARK)
"""What every e-mail address and password hash of `signed_up` contains."""
SECRET_COLUMNS = ("email", "password_hash")


def signed_up(user_id: int, at: int = 1_000, **fields: Any) -> SignedUp:
    """A sign-up at `at` (milliseconds)."""
    usual = {
        "handle": f"user.{user_id}",
        "display_name": f"User {user_id}",
        "email": f"user{user_id}@{MAIL_DOMAIN}",
        "password_hash": f"{HASH_MARK}{user_id}",
        "country": "AT",
    }
    return SignedUp(user_id=user_id, at=at, **usual | fields)
