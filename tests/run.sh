#!/usr/bin/env bash
# Runs every test. Installs with apt what the tests need and what is missing (Debian, Ubuntu), and says at its end which
# outside suites ran. The last line is the total; the exit code is 0 only if nothing failed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

export CARGO_TERM_COLOR=never NPM_CONFIG_UPDATE_NOTIFIER=false
log=$(mktemp)
trap 'rm -f "$log"' EXIT
failed_steps=()

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

say() {
    printf '\n== %s\n' "$*"
}

# The packages of what is missing: a file or program, and the package that brings it.
packages=()
needs_program() {
    command -v "$1" >/dev/null || packages+=("${@:2}")
}
needs_library() {
    # ldconfig is not on everybody's path.
    PATH="$PATH:/sbin:/usr/sbin" ldconfig -p | grep -q "$1" || packages+=("$2")
}

say "what the tests need"
needs_program cc build-essential
needs_program curl curl
needs_program bash bash
needs_program chromium chromium
command -v firefox >/dev/null || needs_program firefox-esr firefox-esr
PATH="$PATH:/usr/sbin" needs_program nginx nginx-light
[ -e /usr/lib/nginx/modules/ngx_nchan_module.so ] || packages+=(libnginx-mod-nchan)
PATH="$PATH:/usr/sbin" needs_program squid squid-openssl
PATH="$PATH:/usr/sbin" needs_program tinyproxy tinyproxy
needs_program microsocks microsocks
PATH="$PATH:/usr/sbin" needs_program haproxy haproxy
needs_program openssl openssl
needs_program tshark tshark
needs_program dbus-run-session dbus-daemon
needs_program gnome-keyring-daemon gnome-keyring
mitmdump=target/peers/mitmproxy/bin/mitmdump
has_mitmproxy() {
    [ -x "$mitmdump" ] || command -v mitmdump >/dev/null
}
websockets=target/peers/websockets/bin/python
has_websockets() {
    [ -x "$websockets" ] && "$websockets" -c "import websockets" 2>/dev/null
}
{ has_mitmproxy && has_websockets; } || python3 -c "import ensurepip" 2>/dev/null || packages+=(python3 python3-venv)
needs_program node nodejs
needs_program npm npm
needs_program Xvfb xvfb
needs_program xdotool xdotool
needs_program import imagemagick
needs_library libX11.so.6 libx11-6
needs_library libX11-xcb.so.1 libx11-xcb1
needs_library libXcursor.so.1 libxcursor1
needs_library libXi.so.6 libxi6
needs_library libxkbcommon-x11.so.0 libxkbcommon-x11-0
needs_library libGL.so.1 libgl1
[ -e /usr/lib/"$(uname -m)"-linux-gnu/dri/swrast_dri.so ] || packages+=(libgl1-mesa-dri)
# One font with Japanese in it; this is the smallest that serves.
needs_program fc-list fontconfig
[ -n "$(fc-list :lang=ja 2>/dev/null || true)" ] || packages+=(fonts-vlgothic)
if [ "${#packages[@]}" -gt 0 ]; then
    echo "installing ${packages[*]}"
    install=(env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${packages[@]}")
    # The lists of packages may be old, or not there at all; and a name that this release lacks stops all the others.
    as_root "${install[@]}" >"$log" 2>&1 || { as_root apt-get update -q >"$log" 2>&1 && as_root "${install[@]}" >"$log" 2>&1; } || {
        cat "$log"
        for package in "${packages[@]}"; do
            as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$package" >"$log" 2>&1 ||
                echo "cannot install $package: the tests that need it will fail"
        done
    }
else
    echo "all there"
fi
export PATH="$PATH:/usr/sbin"
has_mitmproxy || {
    python3 -m venv target/peers/mitmproxy && target/peers/mitmproxy/bin/pip install --quiet mitmproxy
} </dev/null || failed_steps+=("pip install mitmproxy")
has_websockets || {
    python3 -m venv target/peers/websockets && target/peers/websockets/bin/pip install --quiet websockets
} </dev/null || failed_steps+=("pip install websockets")
# Its first messages are all that it is for here, so it need not be fast.
[ -x target/peers/websocat/bin/websocat ] || command -v websocat >/dev/null ||
    cargo install -q websocat --debug --version 1.14.0 --root target/peers/websocat </dev/null ||
    failed_steps+=("cargo install websocat")
npm --prefix tests/node install --no-audit --no-fund --loglevel=error </dev/null || failed_steps+=("npm install")

if [ -z "${PUSHSCOPE_VECTORS:-}" ] && [ -d ../shared/vectors ]; then
    PUSHSCOPE_VECTORS=$(cd ../shared/vectors && pwd)
fi
[ -z "${PUSHSCOPE_VECTORS:-}" ] || export PUSHSCOPE_VECTORS

step() {
    local name=$1
    shift
    say "$name"
    local began=$SECONDS
    "$@" </dev/null || failed_steps+=("$name")
    echo "($((SECONDS - began)) s)"
}

run_tests() {
    cargo test --locked --no-fail-fast 2>&1 | tee "$log"
}

step "cargo fmt" cargo fmt --check
step "cargo clippy" cargo clippy --all-targets --locked -- -D warnings
step "cargo test" run_tests

# The window, as a user starts it: the optimised program on a screen of its own.
window="not run: tests/window.sh is not there"
if [ -f tests/window.sh ]; then
    picture=target/window.png
    step "cargo build --release" cargo build --release --locked
    step "the window under Xvfb" bash tests/window.sh target/release/pushscope "$picture"
    window="ran, picture in $picture"
    case " ${failed_steps[*]-} " in *"Xvfb"*) window="FAILED" ;; esac
fi

# Where the machine has no Python 2.7, which the suite is written in, it does not run, and that is no failure.
autobahn_log=$(mktemp)
trap 'rm -f "$log" "$autobahn_log"' EXIT
run_autobahn() {
    local code=0
    bash tests/autobahn.sh 2>&1 | tee "$autobahn_log" || code=$?
    [ "$code" = 0 ] || [ "$code" = 77 ]
}
step "Autobahn|Testsuite" run_autobahn
autobahn="did not run: $(tail -n 1 "$autobahn_log")"
if grep -q ' cases in ' "$autobahn_log"; then autobahn=$(grep -E ', close |cases in' "$autobahn_log" | paste -sd ';' | sed 's/;/; /g'); fi
case " ${failed_steps[*]-} " in *"Autobahn"*) autobahn="FAILED" ;; esac

# Test binaries are named in the log as "Running tests/NAME.rs (…)"; each is followed by its result.
outcome() {
    local result
    result=$(awk -v want="tests/$1.rs" '
        /^ *Running / { here = ($0 ~ want) }
        here && /^test result:/ { sub(/^test result: /, ""); sub(/; [0-9]+ ignored.*/, ""); print; exit }' "$log")
    if [ -n "$result" ]; then echo "$result"; else echo "did not run"; fi
}

say "outside suites"
echo "nginx with nchan: $(outcome nchan)"
echo "the program on the command line, Node's ws at the other end among others: $(outcome cli)"
echo "Node's ws, Python's websockets and broken servers, through the transport: $(outcome transport)"
echo "Chromium on the report, curl and websocat on the commands of exports: $(outcome exchange)"
echo "GNOME keyring: $(outcome keyring)"
if unshare -m mount -t tmpfs -o size=1m none /mnt 2>/dev/null; then
    echo "full disks and places that cannot be written, on small file systems: $(outcome session_file/main)"
else
    echo "full disks and places that cannot be written: did not run, since no file system can be mounted here"
fi
echo "squid, tinyproxy, microsocks, mitmproxy, haproxy, nginx as proxies: $(outcome proxies)"
echo "curl, npm eventsource, npm ws as clients of the lab: $(outcome lab)"
echo "HAR: the developer tools of Chromium and Firefox, and mitmproxy, with curl and npm ws between: $(outcome har)"
echo "tshark, editcap, mergecap, reordercap, dumpcap: $(outcome pcap)"
echo "curl, npm eventsource, npm ws, Chromium as clients of replays: $(outcome replay)"
echo "Node's ws and http, to which recordings are sent again: $(outcome resend)"
echo "recordings compared, on the command line: $(outcome compare)"
if [ -n "${PUSHSCOPE_VECTORS:-}" ]; then
    echo "vectors (WPT event streams, llhttp, picohttpparser): $(outcome vectors)"
else
    echo "vectors (WPT event streams, llhttp, picohttpparser): did not run, since PUSHSCOPE_VECTORS names no folder of them"
fi
echo "witnesses (httparse, hyper, eventsource-stream, yawc, Node's ws): $(outcome witness)"
echo "Autobahn|Testsuite, without 12.* and 13.* (tests/autobahn.sh --all runs them, too): $autobahn"
echo "the window under Xvfb: $window"

read -r passed failed < <(awk '
    /^test result:/ { for (i = 1; i < NF; i++) { if ($(i + 1) ~ /^passed/) p += $i; if ($(i + 1) ~ /^failed/) f += $i } }
    END { print p + 0, f + 0 }' "$log")
if [ "${#failed_steps[@]}" -gt 0 ]; then
    for name in "${failed_steps[@]}"; do
        echo "FAILED: $name"
        # A failed test counts itself; another step, or tests that did not come to an end, count as one.
        if [ "$name" != "cargo test" ] || [ "$failed" = 0 ]; then failed=$((failed + 1)); fi
    done
fi
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
