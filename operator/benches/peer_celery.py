"""Times one Celery producer that calls `.delay` with publisher confirms: one message in flight, a quorum queue.

Prints one JSON object: messages and seconds; what goes wrong is one line on stderr and the exit code 1.
Usage: peer_celery.py AMQP_URL MESSAGES BYTES
"""

import json
import sys
import time

from celery import Celery
from kombu import Queue

QUEUE = "bench.celery"
# What Celery's own message format adds around the argument, in bytes.
ENVELOPE = 83
# Seconds that one call to the broker may take; a broker in alarm answers none.
CALL = 30


def make_app(url: str) -> Celery:
    app = Celery("bench", broker=url)
    app.conf.update(
        broker_transport_options={"confirm_publish": True, "read_timeout": CALL, "write_timeout": CALL},
        broker_connection_timeout=CALL,
        # A lost message would be sent again and the time of both be counted: better no figure than a wrong one.
        task_publish_retry=False,
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
    try:
        write.delay(text)
        start = time.perf_counter()
        for _ in range(messages):
            write.delay(text)
        seconds = time.perf_counter() - start
    finally:
        with app.connection_for_write() as connection:
            connection.channel().queue_delete(QUEUE)
    json.dump({"messages": messages, "seconds": seconds}, sys.stdout)


if __name__ == "__main__":
    try:
        main()
    except Exception as error:  # Whatever it is, the benchmark tells it in its own words.
        print(f"celery: {type(error).__name__}: {error}", file=sys.stderr)
        sys.exit(1)
