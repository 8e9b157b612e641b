"""Who may do what: the API key, or a token that was signed with it.

Follows Qdrant's own rules: HS256 only, `exp` with 30 s leeway, an expired token or one with a wrong signature is forbidden,
anything else that is no key is unauthenticated.
"""

import base64
import binascii
import hashlib
import hmac
import json
import time

from .errors import forbidden, unauthenticated

LEEWAY_SECONDS = 30
READ, WRITE, MANAGE = "read", "write", "manage"


class Access:
    """What one credential reaches."""

    def __init__(self, everywhere=None, collections=None):
        self.everywhere = everywhere
        self.collections = collections or {}

    def require_global_manage(self):
        if self.everywhere != MANAGE:
            raise forbidden("Forbidden: Global manage access is required")

    def require(self, collection, right):
        """`right` is READ or WRITE, on the points of one collection."""
        if self.everywhere == MANAGE or (self.everywhere == READ and right == READ):
            return
        if self.everywhere is not None:
            raise forbidden("Forbidden: Global write access is required")
        granted = self.collections.get(collection)
        if granted is None:
            raise forbidden(f"Forbidden: Access to collection {collection} is required")
        if right == WRITE and granted != WRITE:
            raise forbidden(f"Forbidden: Write access to collection {collection} is required")

    def sees(self, collection):
        return self.everywhere is not None or collection in self.collections


class Keeper:
    """Turns a request's metadata into an [`Access`]."""

    def __init__(self, api_key):
        self._key = api_key.encode()

    def admit(self, metadata):
        credential = credential_of(metadata)
        if credential is None:
            raise unauthenticated("Must provide an API key or an Authorization bearer token")
        if hmac.compare_digest(credential.encode(), self._key):
            return Access(everywhere=MANAGE)
        return access_of(self._claims(credential))

    def _claims(self, token):
        header, claims, signed, signature = parse(token)
        if header.get("alg") != "HS256":
            raise unauthenticated("Invalid API key or JWT")
        expected = hmac.new(self._key, signed, hashlib.sha256).digest()
        if not hmac.compare_digest(expected, signature):
            raise forbidden("InvalidSignature")
        if "exp" in claims:
            expiry = claims["exp"]
            if isinstance(expiry, bool) or not isinstance(expiry, int):
                raise unauthenticated("Invalid API key or JWT")
            if expiry + LEEWAY_SECONDS < time.time():
                raise forbidden("ExpiredSignature")
        return claims


def credential_of(metadata):
    values = {key: value for key, value in metadata}
    if "api-key" in values:
        return values["api-key"]
    bearer = values.get("authorization", "")
    return bearer.removeprefix("Bearer ") if bearer.startswith("Bearer ") else None


def parse(token):
    """Header, claims, the signed bytes and the signature of what looks like a token."""
    try:
        head, body, tail = token.encode("ascii").split(b".")
        header, claims = (json.loads(decode(part)) for part in (head, body))
        if not isinstance(header, dict) or not isinstance(claims, dict):
            raise ValueError("no objects")
        return header, claims, head + b"." + body, decode(tail)
    except (ValueError, binascii.Error):
        raise unauthenticated("Invalid API key or JWT") from None


def decode(part):
    return base64.urlsafe_b64decode(part + b"=" * (-len(part) % 4))


def access_of(claims):
    """The `access` claim: `r` or `m` for everything, or a list of collections."""
    if "value_exists" in claims:
        raise forbidden("value_exists is not served by the stand-in qdrant-dev")
    access = claims.get("access")
    if access == "r":
        return Access(everywhere=READ)
    if access == "m":
        return Access(everywhere=MANAGE)
    if not isinstance(access, list):
        raise unauthenticated("Invalid API key or JWT")
    modes = {"r": READ, "rw": WRITE, "prw": WRITE}
    collections = {}
    for entry in access:
        if not isinstance(entry, dict) or entry.get("access") not in modes or entry.get("payload"):
            raise unauthenticated("Invalid API key or JWT")
        collections[entry.get("collection")] = modes[entry["access"]]
    return Access(collections=collections)
