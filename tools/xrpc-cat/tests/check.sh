#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Tests what needs no AF_XRPC: the command line, and what is said about it.

cd "$(dirname "$0")/.." || exit 1

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
n=0
bad=0

# try STATUS PATTERN NAME ARGUMENT...: runs it, holds it to exit status and text
try() {
	want=$1 pattern=$2 name=$3
	shift 3
	n=$((n + 1))
	timeout 5 ./xrpc-cat "$@" </dev/null >"$tmp/out" 2>&1
	got=$?
	if [ $got -eq "$want" ] && grep -q -e "$pattern" "$tmp/out"; then
		echo "ok $n - $name"
	else
		echo "# exit status $got: $(head -n 1 "$tmp/out")"
		echo "not ok $n - $name"
		bad=1
	fi
}

echo "TAP version 13"
try 0 "^Usage:" "help is given" --help
try 0 "^xrpc-cat [0-9]" "version is told" --version
try 1 "no address" "an address is needed"
try 1 "no port" "a port is needed" -l
try 1 "one operand too many" "one address is enough" a:1 b:1
try 1 "HOST:PORT" "what is no address is refused" ::1
try 1 "HOST:\]PORT" "what is no port is refused" -l 70000
try 1 "need -l" "answering by a command is the server's" -e cat h:1
try 1 "client's" "a timeout is the client's" -l -t 1 7000
try 1 "only one of" "one source is enough" -d a -f b h:1
try 1 "only one of -4" "one family is enough" -4 -6 h:1
try 1 "not a time" "no time is no timeout" -t 0 h:1
try 1 "not a time" "a timeout has a unit that is known" -t 1h h:1
try 1 "not a time" "a timeout has an end" -t 5000 h:1
try 1 "not a number" "a method is a number" -m x h:1
try 1 "not a number" "a method has 32 bits" -m 4294967296 h:1
try 1 "not a number" "a count is not 0" -n 0 h:1
try 1 "--help" "unknown options are refused" --nonsense
echo "1..$n"
exit $bad
