"""One page that greets, names its host, and counts its visits in Redis where there is one."""
import os
import socket
from threading import Thread

from flask import Flask
from redis import Redis, RedisError

PATIENCE = 1.0  # seconds; a page without a count is better than no page

app = Flask(__name__)
counter = Redis(
    host=os.getenv("REDIS_HOST", "redis"),
    socket_connect_timeout=PATIENCE,
    socket_timeout=PATIENCE,
)


def count_visit():
    """Counts this visit. None if no server answers in time."""
    answers = []

    def ask():
        try:
            answers.append(counter.incr("visits"))
        except RedisError:
            pass

    # In a thread of its own, because looking up a name has no time limit.
    asking = Thread(target=ask)
    asking.daemon = True
    asking.start()
    asking.join(2 * PATIENCE)
    return answers[0] if answers else None


@app.route("/")
def page():
    visits = count_visit()
    return (
        "<h3>Hello {name}!</h3>\n"
        "<p>Host: {host}</p>\n"
        "<p>Visits: {visits}</p>\n"
    ).format(
        name=os.getenv("NAME", "world"),
        host=socket.gethostname(),
        visits="no Redis server, not counted" if visits is None else visits,
    )


if __name__ == "__main__":
    app.run(host="0.0.0.0", port=int(os.getenv("PORT", "80")))
