#!/bin/sh
# The real window, under Xvfb: opens it on an address of the lab, takes a screenshot, and fails when it is blank or when
# the recording holds no message.
#
#   tests/window.sh BINARY OUT.png [ADDRESS]
set -eu

binary=$1
out=$2
address=${3:-lab:sse?scenario=tweets}
data=$(mktemp -d)
server=
window=

stop() {
    [ -z "$window" ] || kill "$window" 2>/dev/null || true
    [ -z "$server" ] || kill "$server" 2>/dev/null || true
    wait 2>/dev/null || true
    rm -rf "$data"
}
trap stop EXIT

# The server chooses a free display and tells it on a descriptor.
mkfifo "$data/display"
Xvfb -displayfd 3 -screen 0 1280x800x24 -nolisten tcp >"$data/xvfb.log" 2>&1 3>"$data/display" &
server=$!
read -r number <"$data/display"
export DISPLAY=":$number" PUSHSCOPE_DATA_DIR="$data" LIBGL_ALWAYS_SOFTWARE=1
unset WAYLAND_DISPLAY

for _ in $(seq 50); do
    xdotool getdisplaygeometry >/dev/null 2>&1 && break
    sleep 0.1
done

"$binary" "$address" >"$data/out.log" 2>&1 &
window=$!

id=
for _ in $(seq 100); do
    id=$(xdotool search --onlyvisible --name '^Pushscope$' 2>/dev/null | tail -1 || true)
    [ -n "$id" ] && break
    kill -0 "$window" 2>/dev/null || { cat "$data/out.log" >&2; echo "the window did not open" >&2; exit 1; }
    sleep 0.1
done
[ -n "$id" ] || { echo "no window within 10 s" >&2; exit 1; }
xdotool windowmove "$id" 0 0 windowsize "$id" 1280 800 windowfocus "$id"
sleep 3
# The last message, by the keys a user has: End selects the last row.
xdotool key End
sleep 1
import -window root "$out"

colours=$(identify -format '%k' "$out")
echo "$colours colours in $out"
[ "$colours" -ge 64 ] || { echo "the window is blank" >&2; exit 1; }

# Closed as a user closes it, in the middle of a recording: the program ends by itself, and nothing is lost.
xdotool key ctrl+q
for _ in $(seq 100); do
    kill -0 "$window" 2>/dev/null || break
    sleep 0.1
done
if kill -0 "$window" 2>/dev/null; then
    echo "the window did not close within 10 s" >&2
    exit 1
fi
window=
recording=$(find "$data" -name '*.pushscope' | head -1)
[ -n "$recording" ] || { echo "no recording was written" >&2; exit 1; }
"$binary" show "$recording" --messages | grep -q 'あいうえお' || { echo "the recording lacks the messages" >&2; exit 1; }
echo "the recording holds the messages"
