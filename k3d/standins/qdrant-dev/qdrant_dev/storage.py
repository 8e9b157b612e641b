"""Collections on disk, each an engine's shard with a description beside it."""

import json
import os
import pathlib
import shutil
import threading
import urllib.parse

import qdrant_edge as edge

from .errors import collection_exists, collection_missing, wrong_input

MAX_NAME = 255
MAX_DIMENSIONS = 65536
# What the real server refuses in a name.
FORBIDDEN_IN_NAMES = set('<>:"/\\|?*\0\x1f')


class Collection:
    """One shard. Its lock is held for every operation: the engine promises nothing about threads."""

    def __init__(self, directory, description, shard):
        self.directory = directory
        self.dimensions = description["dimensions"]
        self.distance = description["distance"]
        self.indexes = dict(description.get("indexes", {}))
        self.lock = threading.RLock()
        self._shard = shard
        self._operations = 0

    def update(self, operation):
        """Applies an update and answers its number."""
        with self.lock:
            self._alive().update(operation)
            self._operations += 1
            return self._operations

    def read(self, method, *arguments, **named):
        with self.lock:
            return getattr(self._alive(), method)(*arguments, **named)

    def add_index(self, field, kind, kind_number):
        with self.lock:
            number = self.update(edge.UpdateOperation.create_field_index(field, kind))
            self.indexes[field] = kind_number
            self.describe()
            return number

    def describe(self):
        """Writes the description, by which the collection exists."""
        text = json.dumps(
            {"dimensions": self.dimensions, "distance": self.distance, "indexes": self.indexes}
        )
        fresh = self.directory / "collection.json.new"
        with open(fresh, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(fresh, self.directory / "collection.json")

    def close(self):
        with self.lock:
            if self._shard is not None:
                self._shard.flush()
                self._shard.close()
                self._shard = None

    def _alive(self):
        if self._shard is None:
            raise collection_missing(urllib.parse.unquote(self.directory.name))
        return self._shard


class Storage:
    """All collections of a directory."""

    def __init__(self, directory):
        self._root = pathlib.Path(directory) / "collections"
        self._root.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._collections = {}
        for path in sorted(self._root.iterdir()):
            self._load(path)

    def names(self):
        with self._lock:
            return sorted(self._collections)

    def get(self, name):
        with self._lock:
            collection = self._collections.get(name)
        if collection is None:
            raise collection_missing(name)
        return collection

    def create(self, name, dimensions, distance, engine_distance):
        check_name(name)
        if not 1 <= dimensions <= MAX_DIMENSIONS:
            raise wrong_input(f"vector size must be from 1 to {MAX_DIMENSIONS}, got {dimensions}")
        with self._lock:
            if name in self._collections:
                raise collection_exists(name)
            directory = self._root / urllib.parse.quote(name, safe="")
            shutil.rmtree(directory, ignore_errors=True)
            (directory / "shard").mkdir(parents=True)
            vectors = edge.EdgeVectorParams(dimensions, engine_distance)
            shard = edge.EdgeShard.create(str(directory / "shard"), edge.EdgeConfig(vectors))
            description = {"dimensions": dimensions, "distance": distance}
            collection = Collection(directory, description, shard)
            collection.describe()
            self._collections[name] = collection

    def delete(self, name):
        """Whether there was one."""
        with self._lock:
            collection = self._collections.pop(name, None)
            if collection is None:
                return False
            (collection.directory / "collection.json").unlink(missing_ok=True)
            collection.close()
            shutil.rmtree(collection.directory, ignore_errors=True)
            return True

    def close(self):
        with self._lock:
            for collection in self._collections.values():
                collection.close()
            self._collections = {}

    def _load(self, path):
        try:
            description = json.loads((path / "collection.json").read_text(encoding="utf-8"))
        except FileNotFoundError:
            # Its creation or its deletion was cut short.
            shutil.rmtree(path, ignore_errors=True)
            return
        shard = edge.EdgeShard.load(str(path / "shard"))
        name = urllib.parse.unquote(path.name)
        self._collections[name] = Collection(path, description, shard)


def check_name(name):
    if not 1 <= len(name) <= MAX_NAME or FORBIDDEN_IN_NAMES & set(name) or name in (".", ".."):
        raise wrong_input(f"collection name is not allowed: {name[:MAX_NAME]!r}")
