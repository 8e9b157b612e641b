"""Who may call what: the full key, or a token (JWT, HS256, signed with the key) with its claims `exp` and `access`."""

import base64
import hashlib
import hmac
import json
import time

import grpc

# What a token with rights on single collections may do there; `r` reads, `rw` writes points as well.
READING = {"Get", "Scroll", "Count", "Query", "Search", "CollectionExists"}
WRITING = {"Upsert", "Delete"}
OPEN = {"/qdrant.Qdrant/HealthCheck"}
# The server allows a clock that is off by so many seconds.
LEEWAY = 30


class Denied(Exception):
    def __init__(self, code, message):
        super().__init__(message)
        self.code, self.message = code, message


class AccessInterceptor(grpc.ServerInterceptor):
    """Checks the credential of every call, and the collection that the request names."""

    def __init__(self, key):
        self.key = key

    def intercept_service(self, continuation, details):
        handler = continuation(details)
        if handler is None or details.method in OPEN:
            return handler
        try:
            rights = self.rights(dict(details.invocation_metadata))
        except Denied as denied:
            return refuse(denied)
        if rights is None:
            return handler
        service, method = details.method.strip("/").split("/")

        def checked(request, context):
            try:
                check(rights, service, method, request)
            except Denied as denied:
                context.abort(denied.code, denied.message)
            return handler.unary_unary(request, context)

        return grpc.unary_unary_rpc_method_handler(checked, handler.request_deserializer, handler.response_serializer)

    def rights(self, metadata):
        """None for the full key; else the `access` claim of a valid token."""
        given = metadata.get("api-key") or metadata.get("authorization", "").removeprefix("Bearer ")
        if not given:
            raise Denied(grpc.StatusCode.UNAUTHENTICATED, "Must provide an API key or an Authorization bearer token")
        if hmac.compare_digest(given.encode(), self.key.encode()):
            return None
        claims = self.verified(given)
        if claims is None:
            raise Denied(grpc.StatusCode.UNAUTHENTICATED, "Invalid API key or JWT")
        if "exp" in claims and claims["exp"] + LEEWAY < time.time():
            raise Denied(grpc.StatusCode.UNAUTHENTICATED, "Invalid API key or JWT: ExpiredSignature")
        return claims.get("access", "r")

    def verified(self, token):
        try:
            head, body, signature = token.split(".")
            expected = hmac.new(self.key.encode(), f"{head}.{body}".encode(), hashlib.sha256).digest()
            if json.loads(decode(head)).get("alg") != "HS256" or not hmac.compare_digest(expected, decode(signature)):
                return None
            claims = json.loads(decode(body))
            well_formed = isinstance(claims, dict) and isinstance(claims.get("exp", 0), int)
            return claims if well_formed else None
        except (ValueError, UnicodeDecodeError):
            return None


def check(rights, service, method, request):
    if rights == "m":
        return
    if rights == "r":
        allowed = method in READING or method == "List"
    else:
        name = getattr(request, "collection_name", "")
        words = {entry.get("access") for entry in rights if entry.get("collection") == name}
        reading = "r" in words or "rw" in words
        allowed = (reading and (method in READING)) or ("rw" in words and service == "qdrant.Points" and method in WRITING)
    if not allowed:
        raise Denied(grpc.StatusCode.PERMISSION_DENIED, "Forbidden: access to this collection or operation is required")


def refuse(denied):
    def abort(request, context):
        context.abort(denied.code, denied.message)

    return grpc.unary_unary_rpc_method_handler(abort)


def decode(part):
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
