"""Qdrant's gRPC contract over Qdrant's own engine, for development and tests."""
