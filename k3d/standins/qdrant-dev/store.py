"""Collections on disk: a folder each, with a shard of Qdrant's engine and the settings it was made with."""

import json
import shutil
import threading
from pathlib import Path

from qdrant_edge import Distance, EdgeConfig, EdgeShard, EdgeVectorParams

DISTANCES = {"Cosine": Distance.Cosine, "Dot": Distance.Dot, "Euclid": Distance.Euclid, "Manhattan": Distance.Manhattan}


class Collection:
    def __init__(self, shard, size, distance):
        self.shard, self.size, self.distance = shard, size, distance
        # The engine's shard is one writer's; readers wait for it too, which is enough for development.
        self.lock = threading.Lock()


class Store:
    def __init__(self, root: Path):
        self.root = root
        self.lock = threading.Lock()
        self.collections = {}
        root.mkdir(parents=True, exist_ok=True)
        for folder in sorted(root.iterdir()):
            if (folder / "settings.json").is_file():
                settings = json.loads((folder / "settings.json").read_text())
                shard = EdgeShard.load(str(folder / "shard"), config(settings["size"], settings["distance"]))
                self.collections[settings["name"]] = Collection(shard, settings["size"], settings["distance"])
            else:
                # An interrupted creation: the settings are written last.
                shutil.rmtree(folder)

    def get(self, name):
        return self.collections.get(name)

    def names(self):
        return sorted(self.collections)

    def create(self, name, size, distance):
        """False where the collection exists already."""
        with self.lock:
            if name in self.collections:
                return False
            folder = self.folder(name)
            shard_folder = folder / "shard"
            shard_folder.mkdir(parents=True)
            shard = EdgeShard.create(str(shard_folder), config(size, distance))
            (folder / "settings.json").write_text(json.dumps({"name": name, "size": size, "distance": distance}))
            self.collections[name] = Collection(shard, size, distance)
            return True

    def delete(self, name):
        """False where there is no such collection."""
        with self.lock:
            collection = self.collections.pop(name, None)
            if collection is None:
                return False
            with collection.lock:
                collection.shard.close()
            shutil.rmtree(self.folder(name), ignore_errors=True)
            return True

    def close(self):
        with self.lock:
            for collection in self.collections.values():
                with collection.lock:
                    collection.shard.flush()
                    collection.shard.close()

    def folder(self, name):
        return self.root / name.encode().hex()


def config(size, distance):
    return EdgeConfig(vectors=EdgeVectorParams(size=size, distance=DISTANCES[distance]))
