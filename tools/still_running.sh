#!/bin/sh
# Runs a command, and says on stderr every half minute that it goes on, and since when.
#
#     sh tools/still_running.sh WORDS COMMAND [ARGUMENT...]
#
# The command takes the place of this process, so its exit code and its signals are its own; the
# clock beside it looks every second whether it is still there, and ends with it.

words=$1
shift
every=${STILL_RUNNING_EVERY:-30}
(
    began=$(date +%s)
    next=$every
    # One that ended and that nobody has waited for is there still, as a zombie.
    while sleep 1 && kill -0 $$ && ! grep -q "^State:.*Z" /proc/$$/status; do
        seconds=$(($(date +%s) - began))
        if [ "$seconds" -ge "$next" ]; then
            echo "$words: $((seconds / 60)) min $((seconds % 60)) s so far" >&3
            next=$((seconds - seconds % every + every))
        fi
    done
) 3>&2 </dev/null >/dev/null 2>&1 &
exec "$@"
