"""Failures with the gRPC status and the words that the real server has for them."""

import grpc


class Failure(Exception):
    """An answer other than success."""

    def __init__(self, code, message):
        super().__init__(message)
        self.code = code
        self.message = message


def unauthenticated(message):
    return Failure(grpc.StatusCode.UNAUTHENTICATED, message)


def forbidden(message):
    return Failure(grpc.StatusCode.PERMISSION_DENIED, message)


def wrong_input(message):
    return Failure(grpc.StatusCode.INVALID_ARGUMENT, f"Wrong input: {message}")


def collection_missing(name):
    return Failure(grpc.StatusCode.NOT_FOUND, f"Not found: Collection `{name}` doesn't exist!")


def collection_exists(name):
    return Failure(
        grpc.StatusCode.ALREADY_EXISTS, f"Wrong input: Collection `{name}` already exists!"
    )


def wrong_dimension(expected, got):
    return wrong_input(f"Vector dimension error: expected dim: {expected}, got {got}")


def unserved(what):
    return Failure(grpc.StatusCode.UNIMPLEMENTED, f"{what}: not served by the stand-in qdrant-dev")
