"""The site's program: counts visits in redis, keeps them in MariaDB, and gives datagrams back."""
import socket
import threading

import flask
import pymysql
import redis

app = flask.Flask(__name__)


@app.route("/")
def visit():
    number = redis.Redis("cache").incr("visits")
    connection = pymysql.connect(host="db", user="app", password="secret", database="site", autocommit=True)
    with connection, connection.cursor() as cursor:
        cursor.execute("INSERT INTO visits (number) VALUES (%s)", (number,))
        cursor.execute("SELECT COUNT(*) FROM visits")
        rows = cursor.fetchone()[0]
    return f"visit {number}, row {rows}, from {flask.request.headers['X-Forwarded-For']}\n"


def echo():
    datagrams = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    datagrams.bind(("::", 7))
    while True:
        data, sender = datagrams.recvfrom(1500)
        datagrams.sendto(b"echo of " + data, sender)


threading.Thread(target=echo, daemon=True).start()
app.run(host="::", port=5000)
