#!/usr/bin/env bash
# Runs Autobahn|Testsuite against the WebSocket driver, which echoes: its fuzzing server on 127.0.0.1, a case a
# connection. Fails on any case that the suite finds fault with, and where the dissector saw other frames than the suite.
#
#   tests/autobahn.sh [--all | CASE…]     without --all no 12.* and 13.*, which compress millions of bytes; CASE as in 7.1.*
#
# The suite needs Python 2.7: PYTHON27 names one, else it is looked for on the PATH and among those of pyenv. Exit code 77
# where there is none. Reports are left in target/autobahn; index.html there shows every case.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

version=25.10.1
# As many as the suite has; fewer that run are a failure.
expected=(301)
cases=('-12.*' '-13.*')
case ${1-} in
--all) expected=(517) cases=() ;;
-*) sed -n '2,8s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2; exit 2 ;;
?*) expected=() cases=("$@") ;;
esac
export CARGO_TERM_COLOR=never PIP_DISABLE_PIP_VERSION_CHECK=1

is_python27() {
    [ -n "$1" ] && "$1" -c 'import sys; sys.exit(sys.version_info[:2] != (2, 7))' 2>/dev/null
}
python27=
for found in "${PYTHON27-}" python2.7 python2 "${PYENV_ROOT-$HOME/.pyenv}"/versions/2.7*/bin/python2.7; do
    if is_python27 "$found"; then python27=$found && break; fi
done
if [ -z "$python27" ]; then
    echo "no Python 2.7, which Autobahn|Testsuite needs: install one (pyenv install 2.7) or name it in PYTHON27"
    exit 77
fi

# --- the suite ---

suite=target/peers/autobahn
has_suite() {
    "$suite/bin/python" -c "import autobahntestsuite as a; assert a.version == '$version'" 2>/dev/null
}
if ! has_suite; then
    echo "setting up Autobahn|Testsuite $version with $python27"
    # virtualenv 20.21 is the last that makes environments for Python 2.7.
    tools=target/peers/virtualenv
    rm -rf "$suite" "$tools"
    python3 -m venv "$tools"
    "$tools/bin/pip" install --quiet virtualenv==20.21.1
    "$tools/bin/virtualenv" --quiet --python "$python27" "$suite"
    "$suite/bin/pip" install --quiet "autobahntestsuite==$version" 2>&1 | grep -v DEPRECATION || true
    has_suite || { echo "pip could not install Autobahn|Testsuite; it needs a C compiler and the headers of Python 2.7"; exit 1; }
fi

# --- the cases ---

cargo build --quiet --release --locked --example autobahn
reports=target/autobahn
rm -rf "$reports"
mkdir -p "$reports"
log=$reports/server.log
"$suite/bin/python" tests/autobahn/server.py "$reports" "${cases[@]}" >"$log" 2>&1 </dev/null &
server=$!
trap 'kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true' EXIT
trap 'exit 130' INT TERM

# It tells its port once it listens.
port=
until [ -n "$port" ]; do
    kill -0 "$server" 2>/dev/null || { cat "$log"; echo "the fuzzing server did not start"; exit 1; }
    sleep 0.1
    port=$(sed -n 's/^port //p' "$log")
done
if command -v ss >/dev/null; then
    strays=$(ss -ltnpH | grep "pid=$server," | awk '$4 !~ /^127\.0\.0\.1:/ { print $4 }')
    [ -z "$strays" ] || { echo "the fuzzing server listens beyond loopback: $strays"; exit 1; }
fi
target/release/examples/autobahn "ws://127.0.0.1:$port" "$reports" "${expected[@]}"
