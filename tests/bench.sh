#!/usr/bin/env bash
# Measures Pushscope against websocat, Node's ws, curl and tshark on this machine, alternating, and prints a table in
# Markdown. Installs with apt, npm and cargo what is missing (Debian, Ubuntu).
#
#   tests/bench.sh [--write] [STEP…]     steps: ws sse reopen reopen-sse text start idle cargo; all of them where none is named
#
# RUNS=5 says how often each program runs; figures are medians. --write puts the table into README.md.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

runs=${RUNS:-5}
websocat_version=1.14.0
million=1000000
unset PUSHSCOPE_BENCH_RECORDS
export CARGO_TERM_COLOR=never NPM_CONFIG_UPDATE_NOTIFIER=false LC_ALL=C
export PATH="$PWD/target/bench-tools/bin:$PATH"

write=
steps=()
for word in "$@"; do
    case $word in
    --write) write=1 ;;
    ws | sse | reopen | reopen-sse | text | start | idle | cargo) steps+=("$word") ;;
    *) sed -n '2,7s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2; exit 2 ;;
    esac
done
[ "${#steps[@]}" -gt 0 ] || steps=(ws sse reopen reopen-sse text start idle cargo)

work=$(mktemp -d)
children=()
window=
stop() {
    [ -z "$window" ] || children+=("$window")
    for child in "${children[@]}"; do kill "$child" 2>/dev/null || true; done
    for child in "${children[@]}"; do wait "$child" 2>/dev/null || true; done
    rm -rf "$work"
}
trap stop EXIT
trap 'exit 130' INT TERM

say() { printf '== %s\n' "$*" >&2; }
# In a subshell only that ends; what it failed at is looked at in the end.
die() { printf 'bench: %s\n' "$*" | tee -a "$work/failed" >&2; exit 1; }
wants() { [[ " ${steps[*]} " == *" $1 "* ]]; }
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi; }

# --- what is needed ---

packages=()
needs() { command -v "$1" >/dev/null || packages+=("${@:2}"); }
install() {
    needs cc build-essential
    [ -x /usr/bin/time ] || packages+=(time)
    needs curl curl
    wants ws && { needs node nodejs; needs npm npm; }
    wants reopen && needs tshark tshark
    wants start || wants idle && { needs Xvfb xvfb; needs xdotool xdotool; }
    if [ "${#packages[@]}" -gt 0 ]; then
        say "installing ${packages[*]}"
        local apt=(env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${packages[@]}")
        { as_root "${apt[@]}" || { as_root apt-get update -q && as_root "${apt[@]}"; }; } >"$work/apt.log" 2>&1 ||
            { cat "$work/apt.log" >&2; die "cannot install ${packages[*]}"; }
    fi
    wants ws || return 0
    npm --prefix tests/node install --no-audit --no-fund --loglevel=error </dev/null >&2
    command -v websocat >/dev/null && return
    say "installing websocat $websocat_version"
    # Not --locked: its lock names a crate that newer compilers refuse.
    cargo install -q websocat --version "$websocat_version" --root target/bench-tools >&2
}

# --- measuring ---

# timed NAME COMMAND…: runs it, and keeps its seconds and its peak of memory in KiB under that name.
timed() {
    local name=$1 began ended
    shift
    began=$EPOCHREALTIME
    /usr/bin/time -q -f %M -o "$work/kib" "$@" </dev/null >"$work/out" 2>"$work/err" ||
        { cat "$work/err" >&2; die "$name failed: $*"; }
    ended=$EPOCHREALTIME
    calc "$ended - $began" >>"$work/$name.s"
    tail -1 "$work/kib" >>"$work/$name.kib"
}

calc() { awk "BEGIN { printf \"%.6f\\n\", $1 }"; }
median() { sort -n "$work/$1" | awk '{ a[NR] = $1 } END { print NR % 2 ? a[(NR + 1) / 2] : (a[NR / 2] + a[NR / 2 + 1]) / 2 }'; }
seconds() { median "$1.s"; }
mib() { awk "BEGIN { printf \"%.0f MB\", $(median "$1.kib") * 1024 / 1e6 }"; }
# number VALUE: three digits that count.
number() { awk "BEGIN { v = $1; printf((v >= 100 ? \"%.0f\" : v >= 10 ? \"%.1f\" : \"%.2f\"), v) }"; }
# rate NAME COUNT: millions a second.
rate() { echo "$(number "$2 / $(seconds "$1") / 1e6") M/s"; }
in_seconds() { echo "$(number "$(seconds "$1")") s"; }
times() { echo "$(number "$(seconds "$1") / $(seconds "$2")")×"; }

rows=$work/rows
row() { printf '| %s | %s | %s | %s | %s | %s |\n' "$@" >>"$rows"; }

pushscope=target/release/pushscope
flood=target/release/examples/flood
serve() {
    [ -z "${address:-}" ] || return 0
    "$flood" serve >"$work/address" &
    children+=($!)
    for _ in $(seq 100); do
        [ -s "$work/address" ] && break
        sleep 0.05
    done
    address=$(cat "$work/address")
    [ -n "$address" ] || die "the server did not start"
}

recording() { echo "$work/$1.pushscope"; }
# record NAME URL TYPE: what an earlier run left is overwritten.
record() {
    rm -f "$(recording "$1")"*
    timed "$1" "$pushscope" record "$2" --as "$3" --reconnect no --quiet -o "$(recording "$1")"
}
# show NAME FILE FILTER: must find exactly one record.
show() {
    timed "$1" "$pushscope" show "$(recording "$2")" --messages --filter "$3"
    [ "$(wc -l <"$work/out")" = 2 ] || die "$1: $3 found $(($(wc -l <"$work/out") - 1)) records"
}
last='"the very last message"'

ws_step() {
    serve
    local url="ws://$address/ws?n=$million"
    for _ in $(seq "$runs"); do
        record ws "$url" ws
        timed websocat websocat -U "$url"
        timed node node tests/node/count.mjs "$url"
        [ "$(cat "$work/out")" = "$million" ] || die "Node's ws counted $(cat "$work/out") messages"
        timed bare "$flood" read "$address" "/ws?n=$million"
    done
    show found ws "$last"
    row "live WebSocket, 1 M messages of 100 bytes, recorded to a file" "$(rate ws $million)" \
        "websocat to /dev/null: $(rate websocat $million)" "$(times websocat ws)" "2×" "1×"
    row "" "" "Node \`ws\`, counting: $(rate node $million)" "$(times node ws)" "–" "–"
    row "" "" "the server, to a reader that does nothing: $(rate bare $million)" "–" "–" "–"
}

sse_step() {
    serve
    local path="/sse?n=$million"
    for _ in $(seq "$runs"); do
        record sse "http://$address$path" sse
        timed curl curl -sN -o /dev/null "http://$address$path"
    done
    show found sse "$last"
    row "live SSE, 1 M events of 100 bytes, a chunk each, recorded to a file" "$(rate sse $million)" \
        "curl to /dev/null: $(rate curl $million)" "$(times curl sse)" "1×" "0.5×"
}

reopen_step() {
    serve
    [ -f "$(recording ws)" ] || record ws "ws://$address/ws?n=$million" ws
    "$flood" pcap "$work/ws.pcap" $million
    local five=(-T fields -e frame.number -e frame.time_relative -e websocket.opcode -e websocket.payload_length
        -e websocket.payload.text)
    for _ in $(seq "$runs"); do
        show reopened ws "$last"
        timed tshark_five tshark -n -r "$work/ws.pcap" "${five[@]}"
        # Ten opcodes that are one, with commas between: what was asked for is what was measured.
        grep -q '1,1,1,1,1,1,1,1,1,1' "$work/out" || die "tshark saw no WebSocket frames"
        timed tshark_plain tshark -n -r "$work/ws.pcap"
    done
    row "reopen 1 M WebSocket messages, find one by its text" "$(in_seconds reopened)" \
        "tshark, five fields: $(in_seconds tshark_five)" "$(times tshark_five reopened)" "20×" "10×"
    row "" "" "tshark, plain: $(in_seconds tshark_plain)" "$(times tshark_plain reopened)" "–" "–"
    row "its peak of memory" "$(mib reopened)" "tshark, five fields: $(mib tshark_five)" \
        "$(number "$(median tshark_five.kib) / $(median reopened.kib)")×" "less" "–"
}

reopen_sse_step() {
    serve
    for n in 1 2 4; do record "sse$n" "http://$address/sse?n=$((n * million))" sse; done
    for _ in $(seq "$runs"); do
        for n in 1 2 4; do show "reopened_sse$n" "sse$n" "$last"; done
    done
    row "reopen 1 M SSE events, find one by its text" "$(in_seconds reopened_sse1)" "–" "–" "1 s" "linear"
    for n in 2 4; do
        row "the same of $n M" "$(in_seconds "reopened_sse$n")" "–" \
            "$(times "reopened_sse$n" reopened_sse1) of 1 M" "$n×" "linear"
    done
    rm -f "$work"/sse?.pushscope*
}

text_step() {
    serve
    record text "ws://$address/ws?n=$million&size=1000" ws
    local bytes
    bytes=$(stat -c %s "$(recording text)")
    for _ in $(seq "$runs"); do
        show opened text "kind:ws.close dir:in"
        show searched text "$last"
    done
    row "open 1 GB and find one of 1 M messages by its text" \
        "$(in_seconds searched), $(number "$bytes / $(seconds searched) / 1e9") GB/s" "–" "–" "1 GB/s" "–"
    row "only open it, and find one record by its kind" "$(in_seconds opened)" "–" "–" "–" "–"
    rm -f "$(recording text)"*
}

screen() {
    [ -z "${display:-}" ] || return 0
    mkfifo "$work/display"
    Xvfb -displayfd 3 -screen 0 1280x800x24 -nolisten tcp -noreset >"$work/xvfb.log" 2>&1 3>"$work/display" &
    children+=($!)
    read -r display <"$work/display"
    export DISPLAY=":$display" PUSHSCOPE_DATA_DIR="$work/data" LIBGL_ALWAYS_SOFTWARE=1
    unset WAYLAND_DISPLAY
    mkdir -p "$PUSHSCOPE_DATA_DIR"
}
# The window is made visible once its first frame is painted; it is looked for every few milliseconds.
open_window() {
    "$pushscope" "$@" >"$work/window.log" 2>&1 &
    window=$!
    until xdotool search --onlyvisible --name '^Pushscope$' >/dev/null 2>&1; do
        kill -0 "$window" 2>/dev/null || { cat "$work/window.log" >&2; die "the window did not open"; }
    done
}
close_window() {
    kill "$window"
    wait "$window" 2>/dev/null || true
    window=
}

start_step() {
    screen
    for run in $(seq 0 "$runs"); do
        local began=$EPOCHREALTIME
        open_window
        # The first one warms the caches.
        [ "$run" = 0 ] || calc "$EPOCHREALTIME - $began" >>"$work/start.s"
        close_window
    done
    row "start to first frame, warm (Xvfb, OpenGL in software)" "$(number "$(seconds start) * 1000") ms" "–" "–" \
        "200 ms" "400 ms"
}

idle_step() {
    screen
    serve
    [ -f "$(recording ws)" ] || record ws "ws://$address/ws?n=$million" ws
    open_window "$(recording ws)"
    sleep 5
    local before after
    before=$(awk '{ print $14 + $15 }' "/proc/$window/stat")
    sleep 10
    after=$(awk '{ print $14 + $15 }' "/proc/$window/stat")
    close_window
    row "idle: CPU time over 10 s, with 1 M messages open" \
        "$(awk "BEGIN { print ($after - $before) * 1000 / $(getconf CLK_TCK) }") ms" "–" "–" "none" "–"
}

# What `cargo bench` printed, as lines of NAME, "time" or "rate", and the median.
medians() {
    sed 's/├─ /+ /; s/╰─ /+ /; s/│/|/g' | awk '
        { is_top = /^\+ /; is_named = is_top || /^[| ] +\+ / }
        is_named {
            sub(/^[| ]*\+ /, "")
            name = $0
            sub(/(  .*|\|.*)$/, "", name)
            if (is_top) { top = name; key = name } else key = top "/" name
        }
        !is_named { sub(/^[| ]+/, "") }
        split($0, cells, "|") >= 4 {
            gsub(/^ +| +$/, "", cells[3])
            if (cells[3] ~ /^[0-9.]+ /) print key "\t" (is_named ? "time" : "rate") "\t" cells[3]
        }'
}
# figure NAME time|rate: must be there.
figure() {
    awk -F '\t' -v key="$1" -v what="$2" '$1 == key && $2 == what { print $3; found = 1 } END { exit !found }' \
        "$work/medians" || die "cargo bench printed no $2 of $1"
}

cargo_step() {
    cargo bench --locked >"$work/cargo" 2>"$work/cargo.err" || { cat "$work/cargo.err" >&2; die "cargo bench failed"; }
    medians <"$work/cargo" >"$work/medians"
    local name
    for name in websocket websocket_masked sse_chunked sse_to_the_close ndjson_chunked multipart http_bodies http_heads; do
        row "dissector alone, ${name//_/ }: messages of 1,000 bytes (100 bytes)" \
            "$(figure "$name/1000" rate) ($(figure "$name/100" rate))" "–" "–" "1 GB/s" "300 MB/s"
    done
    row "dissector alone, websocket with permessage-deflate, inflated bytes of messages of 1,000 bytes (100 bytes)" \
        "$(figure websocket_deflate/1000 rate) ($(figure websocket_deflate/100 rate))" "–" "–" "–" "–"
    row "taking events, 1 M messages of 100 bytes in reads of 64 KiB (a read each)" \
        "$(figure append/reads_of_64_kib time) ($(figure append/a_read_a_message time))" "–" "–" "–" "–"
    local bytes mebibytes
    read -r bytes mebibytes < <(awk '/^peak / { print $3, $5 }' "$work/cargo")
    row "memory beside the file, 10 M records: peak" "$mebibytes MiB, $bytes bytes a record" "–" "–" \
        "48 bytes + 64 MB" "64 bytes + 128 MB"
    row "a frame with 10 M records, while 100,000 messages a second arrive" \
        "$(figure arriving_100000_a_second time)" "–" "–" "4 ms" "8 ms"
    row "the same: dragging the scroll bar, scrolling, nothing to do" \
        "$(figure dragging time), $(figure scrolling time), $(figure idle time)" "–" "–" "4 ms" "8 ms"
    row "select a record anywhere in 10 M" "$(figure explain time)" "–" "–" "5 ms" "16 ms"
    row "explain a record anywhere in 1 M compressed messages" "$(figure explain_compressed time)" "–" "–" "5 ms" "16 ms"
    row "filter 10 M records: \`kind:ws.close\`" "$(figure filter_records/kind:ws.close time)" "–" "–" "50 ms" "150 ms"
    row "filter 10 M records: \`size>1000\`, \`gap>1s\`, \`websocket.opcode=9\`" \
        "$(figure "filter_records/size>1000" time), $(figure "filter_records/gap>1s" time), $(figure filter_records/websocket.opcode=9 time)" \
        "–" "–" "–" "–"
    local of
    for of in 1000 100; do
        local group=filter_${of}_byte_messages
        row "filter 250 MB in messages of $of bytes: text, \`/regex/\`, \`\$.n=5\`" \
            "$(figure "$group/\"out of order\"" rate), $(figure "$group//out of [a-z]+er/" rate), $(figure "$group/\$.n=5" rate)" \
            "–" "–" "1 GB/s (text)" "–"
    done
}

# --- running ---

machine() {
    local cores model memory
    cores=$(nproc)
    model=$(awk -F ': ' '/^model name/ { print $2; exit }' /proc/cpuinfo)
    memory=$(awk '/^MemTotal/ { printf "%.0f GiB", $2 / 1048576 }' /proc/meminfo)
    # shellcheck source=/dev/null
    echo "$cores cores of ${model:-$(uname -m)}, $memory, $(. /etc/os-release && echo "$PRETTY_NAME"), Linux $(uname -r)"
}

install
say "building"
cargo build --release --locked --bin pushscope --example flood >"$work/build.log" 2>&1 || { cat "$work/build.log" >&2; die "building failed"; }
began=$SECONDS
for step in "${steps[@]}"; do
    say "$step"
    "${step//-/_}_step"
done
say "measured in $((SECONDS - began)) s"
[ ! -e "$work/failed" ] || exit 1

{
    versions=()
    wants ws && versions+=("websocat $(websocat --version | awk '{ print $2 }')" \
        "Node.js $(node --version) with ws $(node -p 'require("./tests/node/node_modules/ws/package.json").version')")
    wants sse && versions+=("curl $(curl --version | awk '{ print $2; exit }')")
    wants reopen && versions+=("tshark $(tshark --version 2>/dev/null | awk '{ sub(/[.,]+$/, "", $3); print $3; exit }')")
    echo "Measured on $(machine), $(date -u +%Y-%m-%d), medians of $runs runs, every program in turn."
    [ "${#versions[@]}" = 0 ] || { printf 'Peers: %s' "${versions[0]}"; printf ', %s' "${versions[@]:1}"; echo .; }
    echo
    echo "| step | Pushscope | peer | ratio | to reach | at least |"
    echo "|---|---|---|---|---|---|"
    cat "$rows"
} >"$work/table"
cat "$work/table"

if [ -n "$write" ]; then
    grep -q '^<!-- bench -->$' README.md && grep -q '^<!-- /bench -->$' README.md || die "README.md has no place for the table"
    awk -v table="$work/table" '
        /^<!-- \/bench -->$/ { inside = 0 }
        !inside { print }
        /^<!-- bench -->$/ { inside = 1; while ((getline line < table) > 0) print line }' README.md >"$work/README.md"
    cat "$work/README.md" >README.md
    say "README.md has the new table"
fi
