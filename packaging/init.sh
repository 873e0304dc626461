#!/bin/sh
### BEGIN INIT INFO
# Provides:          docker corten
# Required-Start:    $remote_fs $network
# Required-Stop:     $remote_fs $network
# Default-Start:     2 3 4 5
# Default-Stop:      0 1 6
# Short-Description: Corten container engine
# Description:       Runs containers; a drop-in for Docker's daemon.
### END INIT INFO

# The daemon's flags: DOCKER_OPTS in /etc/default/docker. Settings are better put into daemon.json.
CORTEN=@PREFIX@/bin/corten
RUN=/run/corten
PIDFILE=$RUN/corten.pid
LOG=/var/log/corten.log
DOCKER_OPTS=
[ -r /etc/default/docker ] && . /etc/default/docker

[ -x "$CORTEN" ] || exit 5

# The daemon's PID, if it runs.
running() {
    pid=$(cat "$PIDFILE" 2>/dev/null) || return 1
    [ "$(basename "$(readlink "/proc/$pid/exe" 2>/dev/null | sed 's/ (deleted)$//')")" = corten ]
}

# Whether it answers, where that can be known.
answers() {
    case " $DOCKER_OPTS" in
    *" -H"*|*" --host"*) running ;;
    *) "$CORTEN" -H "unix://$RUN/corten.sock" version >/dev/null 2>&1 ;;
    esac
}

start() {
    if running; then
        echo "Corten runs already (PID $pid)."
        return 0
    fi
    if [ "$(id -u)" != 0 ]; then
        echo "Only root can start Corten." >&2
        return 4
    fi
    mkdir -p "$RUN"
    # shellcheck disable=SC2086
    setsid "$CORTEN" daemon --pidfile "$PIDFILE" $DOCKER_OPTS >>"$LOG" 2>&1 </dev/null &
    tries=0
    until answers; do
        tries=$((tries + 1))
        if ! kill -0 $! 2>/dev/null || [ $tries -gt 300 ]; then
            echo "Corten did not start; the end of $LOG:" >&2
            tail -n 5 "$LOG" >&2
            return 1
        fi
        sleep 0.1
    done
    echo "Corten started."
}

stop() {
    if ! running; then
        echo "Corten does not run."
        return 0
    fi
    kill "$pid"
    tries=0
    while running; do
        tries=$((tries + 1))
        if [ $tries -gt 600 ]; then
            echo "Corten (PID $pid) does not end." >&2
            return 1
        fi
        sleep 0.1
    done
    echo "Corten stopped. Containers run on unless live-restore is off."
}

case "$1" in
start) start ;;
stop) stop ;;
restart) stop && start ;;
force-reload | reload)
    running || exit 7
    kill -HUP "$pid"
    ;;
try-restart | condrestart)
    running || exit 0
    stop && start
    ;;
status)
    if running; then
        echo "Corten is running (PID $pid)."
    else
        echo "Corten is not running."
        exit 3
    fi
    ;;
*)
    echo "Usage: $0 {start|stop|restart|reload|force-reload|try-restart|status}" >&2
    exit 2
    ;;
esac
