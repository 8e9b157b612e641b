"""Times one Celery producer that calls `.delay` with publisher confirms: one message in flight, a quorum queue.

Prints one JSON object: messages and seconds. Usage: peer_celery.py AMQP_URL MESSAGES BYTES
"""

import json
import sys
import time

from celery import Celery
from kombu import Queue

QUEUE = "bench.celery"
# What Celery's own message format adds around the argument, in bytes.
ENVELOPE = 83


def make_app(url: str) -> Celery:
    app = Celery("bench", broker=url)
    app.conf.update(
        broker_transport_options={"confirm_publish": True},
        task_default_queue=QUEUE,
        task_queues=[Queue(QUEUE, durable=True, queue_arguments={"x-queue-type": "quorum"})],
        task_ignore_result=True,
    )
    return app


def main() -> None:
    url, messages, size = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    app = make_app(url)

    @app.task(name="bench.write")
    def write(text: str) -> None:
        """Never runs: only the producer is measured."""

    text = "x" * max(1, size - ENVELOPE)
    write.delay(text)
    start = time.perf_counter()
    for _ in range(messages):
        write.delay(text)
    seconds = time.perf_counter() - start
    with app.connection_for_write() as connection:
        channel = connection.channel()
        channel.queue_purge(QUEUE)
        channel.queue_delete(QUEUE)
    json.dump({"messages": messages, "seconds": seconds}, sys.stdout)


if __name__ == "__main__":
    main()
