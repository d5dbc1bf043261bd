#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# xrpc-test: mode=icount kernels=6.1,6.12 timeout=300
# shellcheck disable=SC2317
#
# The library, xrpc-cat and the examples, between two hosts.

. "$(dirname "$0")/lib.sh"

PORT=7000	# of the server at hand
examples=$(dirname "$0")/../tools/examples
tmp=$(mktemp -d)
server=
defer rm -rf "$tmp"
# shellcheck disable=SC2016
defer 'kill -9 $server'

client() { ip netns exec c "$@"; }

# both COMMAND...: with each of the server's addresses after it
both() { for a in $S4 "[$S6]"; do "$@" "$a" || return; done; }


# serve COMMAND...: a program in s that listens at PORT, until stop; it has the
# standard input of this. A port lingers: only one never used tells of a server.
serve()
{
	PORT=$((PORT + 1))
	ip netns exec s "${@//@/$PORT}" <&0 &
	server=$!
	busywait 10 bound s $PORT
}

gone() { ! kill -0 "$1"; }

# ended: the exit status of a server that ends by itself, or has to
ended()
{
	busywait 10 gone $server || kill -9 $server
	wait $server 2>/dev/null
}

stop() { kill "-${1:-TERM}" $server 2>/dev/null; ended; }

# gives STATUS TEXT COMMAND...: runs a command in c and its exit status and output
# to these
gives()
{
	local status=$1 text=$2 out got
	shift 2
	out=$(client "$@" 2>"$tmp/err"; echo "($?)")
	got=${out##*(}
	[ "$out" = "$text($status)" ] && return
	printf '%s\nstatus %s, wanted %s; output "%s", wanted "%s"\n' "$*" \
		"${got%)}" "$status" "${out%(*}" "$text"
	cat "$tmp/err"
	return 1
}

# says TEXT: what the last command of gives said on standard error
says() { grep -q -- "$1" "$tmp/err" || { cat "$tmp/err"; return 1; }; }

# squares CLIENT: the squares of three numbers, over both families
squares()
{
	local a
	for a in $S4 $S6; do
		gives 0 "$(printf '%s\n' "7 squared is 49" "-3 squared is 9" \
			"65535 squared is 4294836225")
" "$1" $a $PORT 7 -3 65535 || return
	done
}

# ---- the library

unit()
{
	if ! command -v test_calls >/dev/null; then
		skip "$1" "test_calls was not built"
		return
	fi
	check "$1" env CMOCKA_MESSAGE_OUTPUT=TAP test_calls
}

# ---- the examples

differ()
{
	if [ ! -e "$examples/math_server_udp.c" ]; then
		skip "$1" "the sources are not here"
		return
	fi
	check "$1" sh "$examples/tests/check.sh"
}

squares_one()
{
	gives 0 "2 squared is 4
" math_client $S4 $PORT 2
}

# ---- xrpc-cat

echoes()
{
	gives 0 hello xrpc-cat -d hello "$1:$PORT" &&
		gives 0 "" xrpc-cat -d "" "$1:$PORT"
}

link_local()
{
	local a
	a=$(ip -n s -6 addr show dev vs scope link |
		awk '/inet6/ { sub("/.*", "", $2); print $2 }')
	gives 0 hello xrpc-cat -d hello "[$a%vc]:$PORT"
}

large()
{
	client xrpc-cat -f "$tmp/large" "$1:$PORT" >"$tmp/back" &&
		cmp "$tmp/large" "$tmp/back"
}

too_large()
{
	printf x | cat "$tmp/large" - >"$tmp/larger"
	gives 1 "" xrpc-cat -f "$tmp/larger" $S4:$PORT && says "longer than"
}

one_of_several()
{
	[ "$(client xrpc-cat -d "I am $1" "$2")" = "I am $1" ]
}

several()
{
	local i pids=() bad=0
	for i in 1 2 3 4 5 6 7 8; do
		one_of_several "$i" "$1:$PORT" &
		pids+=($!)
	done
	for i in "${pids[@]}"; do wait "$i" || bad=1; done
	return $bad
}

verbose()
{
	gives 0 "" xrpc-cat -v -d "" "$1:$PORT" &&
		says "$1:$PORT: replied after [0-9.]* ms, status 0, 0 bytes"
}

environment()
{
	gives 0 "method 42 from $2, in time
" xrpc-cat -m 42 -t 9s -d "" "$1:$PORT"
}

lines()
{
	gives 0 "one
" xrpc-cat -d q1 $S4:$PORT &&
		gives 0 "two
" xrpc-cat -d q2 $S4:$PORT &&
		gives 2 "" xrpc-cat -d q3 $S4:$PORT &&
		[ "$(cat "$tmp/requests")" = q1q2q3 ]
}

killed_at_deadline()
{
	gives 4 "" xrpc-cat -t 300ms -d x $S4:$PORT &&
		says "unknown: No reply came in time" || return
	sleep 3
	[ ! -e "$tmp/survived" ]
}

killed_server()
{
	(sleep 1; kill -9 $server) &
	gives 4 "" xrpc-cat -d x $S4:$PORT && says "unknown: The server"
}

# One runs and one waits when the server is asked to end.
drains()
{
	local first second
	gives 0 a xrpc-cat -d a $S4:$PORT &
	first=$!
	sleep 0.3
	gives 0 b xrpc-cat -d b $S4:$PORT &
	second=$!
	sleep 0.3
	kill $server
	wait $first && wait $second && busywait 10 gone $server &&
		gives 3 "" xrpc-cat -d c $S4:$PORT &&
		says "not executed: There is no such service"
}

dead_network()
{
	(sleep 0.5; ip -n s link set vs down) &
	gives 4 "" xrpc-cat -t 4s -d x $S4:$PORT && says "unknown: No reply"
}

plan 48
setup_pair
head -c 65536 /dev/urandom >"$tmp/large"

unit "libxrpc: calls from end to end"

differ "examples: for AF_XRPC family and address form change, and no more"
serve math_server @
check "examples: math_client and math_server" squares math_client
check "examples: math_client_lib and math_server" squares math_client_lib
stop
serve math_server_lib @
check "examples: math_client and math_server_lib" squares math_client
check "examples: math_client_lib and math_server_lib" squares math_client_lib
stop
for program in math_server math_server_lib; do
	serve $program @ 1
	check "examples: the count of $program is 1" squares_one
	ended
	result $? "examples: $program ends after it"
done
refused() { gives 1 "" math_client_lib $S4 $PORT 2 && says "not executed"; }
check "examples: math_client_lib tells how a call ended" refused

serve xrpc-cat -l --echo @
check "xrpc-cat: --echo answers with the request, IPv4" echoes $S4
check "xrpc-cat: --echo answers with the request, IPv6" echoes "[$S6]"
check "xrpc-cat: a link-local address has an interface" link_local
check "xrpc-cat: 64 KiB there and back, IPv4" large $S4
check "xrpc-cat: 64 KiB there and back, IPv6" large "[$S6]"
check "xrpc-cat: more is refused" too_large
check "xrpc-cat: clients at a time get each its own reply" several "[$S6]"
check "xrpc-cat: -v tells of the call" verbose $S4
check "xrpc-cat: a client's -n" gives 0 xxx xrpc-cat -n 3 -d x $S4:$PORT
check "xrpc-cat: standard input is the request" \
	gives 0 fed sh -c "printf fed | xrpc-cat $S4:$PORT"
no_service()
{
	gives 3 "" xrpc-cat -d x "$1:$PORT/99" && says "There is no such service"
}
check "xrpc-cat: no such service is 3, not executed" both no_service
taken() { ip netns exec s xrpc-cat -l --echo $PORT 2>&1 | grep -q "Another socket"; }
check "xrpc-cat: a service has one server" taken
stop
result $? "xrpc-cat: SIGTERM ends a server well"

serve xrpc-cat -l -c 'tr a-z A-Z; exit 5' @/5
check "xrpc-cat: a shell's output and status are the answer" \
	gives 2 HELLO xrpc-cat -d hello $S4:$PORT/5
check "xrpc-cat: a service has a number, also in hexadecimal" \
	gives 2 HELLO xrpc-cat -d hello $S4:$PORT/0x5
stop
serve xrpc-cat -l -e 'tr a-z A-Z' @
check "xrpc-cat: a program's output is the answer" \
	gives 0 HELLO xrpc-cat -d hello $S4:$PORT
stop
# shellcheck disable=SC2016
serve xrpc-cat -l -c 'test 8000000 -lt "$XRPC_DEADLINE_US" &&
	echo "method $XRPC_METHOD from ${XRPC_PEER%:*}, in time"' @
check "xrpc-cat: a command is told method, deadline and peer, IPv4" \
	environment $S4 $C4
check "xrpc-cat: a command is told method, deadline and peer, IPv6" \
	environment "[$S6]" "[$C6]"
stop
serve xrpc-cat -l -e /nonexistent @
check "xrpc-cat: a command that does not start answers 127" \
	gives 2 "" xrpc-cat -d x $S4:$PORT
stop
printf 'one\ntwo\n' >"$tmp/lines"
serve xrpc-cat -l @ <"$tmp/lines" >"$tmp/requests"
check "xrpc-cat: lines of standard input answer, then a status of 1" lines
ended
result $? "xrpc-cat: a server whose standard input is at its end ends"
serve xrpc-cat -l -w -n 1 @ <"$tmp/lines" >/dev/null
check "xrpc-cat: -w answers with all of standard input" \
	gives 0 "one
two
" xrpc-cat -d x $S4:$PORT
ended
result $? "xrpc-cat: a server's -n"
serve xrpc-cat -l -f "$tmp/large" -n 1 @ >/dev/null
check "xrpc-cat: -f answers with a file" large $S4

nobody()
{
	gives 3 "" xrpc-cat -t 500ms -d x "$1:7999" && says "The deadline passed"
}
check "xrpc-cat: nobody there by the deadline is 3, not executed" both nobody
silent() { gives 3 "" xrpc-cat -d x "$1:7999" && says "cannot be reached"; }
check "xrpc-cat: nobody there for 10 seconds is 3, not executed" both silent
no_route()
{
	gives 3 "" xrpc-cat -d x 192.0.2.1:$PORT && says "cannot be reached" &&
		gives 3 "" xrpc-cat -d x "[2001:db8::1]:$PORT" &&
		says "cannot be reached"
}
check "xrpc-cat: no route is 3, not executed" no_route
serve xrpc-cat -l -c "sleep 2; touch $tmp/survived" @
check "xrpc-cat: an answer too late is 4, and its command is killed" \
	killed_at_deadline
stop KILL
serve xrpc-cat -l -c 'sleep 9' @
check "xrpc-cat: a server that dies while it runs a call is 4, unknown" \
	killed_server
stop KILL
serve xrpc-cat -l -c 'sleep 1; cat' @
check "xrpc-cat: SIGTERM lets a server answer what waits" drains


# Two serve one port, and the one that is left has it alone.
shared()
{
	local i
	for i in 1 2 3 4; do
		gives 0 "$i" xrpc-cat -d "$i" $S4:$PORT || return
	done
	kill -9 $first
	for i in 5 6 7 8; do
		gives 0 "$i" xrpc-cat -d "$i" $S4:$PORT || return
	done
}
alone()
{
	! ip netns exec s timeout 5 xrpc-cat -l --echo $PORT 2>"$tmp/err" &&
		says "Another socket has the service"
}
serve xrpc-cat -l --shared --echo @
check "xrpc-cat: a service that is shared is not for who does not share" alone
first=$server
ip netns exec s xrpc-cat -l --shared --echo $PORT <&0 &
server=$!
sleep 1
check "xrpc-cat: two that share serve one port" shared
stop KILL
replayable()
{
	local before after
	before=$(count s Tokenless)
	gives 0 "r" xrpc-cat -r -d r $S4:$PORT || return
	after=$(count s Tokenless)
	[ "$after" -gt "$before" ]
}
serve xrpc-cat -l -r --echo @
check "xrpc-cat: -r at both ends needs no proof of address" replayable
stop
uncallable()
{
	local a
	for a in $S4:0 224.0.0.1:1 255.255.255.255:1 "[ff02::1%vc]:1" \
		 "[fe80::1]:1"; do
		gives 1 "" xrpc-cat -d x "$a" && says "not an address that can" || return
	done
}
check "xrpc-cat: an address nobody can call is 1, a local error" uncallable

netem loss 20%
serve xrpc-cat -l --echo @
lossy() { gives 0 "$(printf 'x%.0s' {1..20})" xrpc-cat -n 20 -d x "$1:$PORT"; }
check "xrpc-cat: calls through a network that loses a fifth" both lossy
check "xrpc-cat: 64 KiB through it" both large
tc -n c qdisc del dev vc root
tc -n s qdisc del dev vs root
stop
serve xrpc-cat -l -c 'sleep 1' @
check "xrpc-cat: a network that dies during a call is 4, unknown" dead_network
finish
