#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Two hosts talk through a network that loses packets. Needs root and the
# module loaded; "make demo" runs it in a guest. Exit status 0: all came out
# right.

set -u
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=selftests/lib.sh
. "$here/lib.sh"

LOSS=5% DELAY=2ms PORT=7000
failed=0

say() { printf '%s\n' "$*"; }
title() { printf '\n== %s\n\n' "$*"; }

# on NS FILE COMMAND...: shows a command, runs it in a namespace, and keeps in
# FILE what it says
on()
{
	local ns=$1 file=$2
	shift 2
	printf '  %s$ %s\n' "$ns" "$*"
	ip netns exec "$ns" timeout 60 "$@" >"$file" 2>&1 || wrong "$1 failed"
	sed 's/^/    /' "$file"
}

wrong()
{
	printf '  WRONG: %s\n' "$*"
	failed=1
}

# in the background, until it ends or the demo does
serve()
{
	printf '  s$ %s &\n' "$*"
	ip netns exec s "$@" &
	server=$!
	defer kill $server
	busywait 10 bound s $PORT || wrong "$1 does not listen"
}

stop()
{
	kill $server 2>/dev/null
	wait $server 2>/dev/null
}

# squares FILE N...: whether the client's output has the square of each
squares()
{
	local file=$1 n
	shift
	for n; do
		grep -qx "$n squared is $((n * n))" "$file" ||
			wrong "$n squared came out otherwise"
	done
}

cat <<EOF

  XRPC is a transport for calls: a request and its reply. A program uses it
  like UDP, through sendto() and recvfrom(); what is lost is sent again, and
  no request is executed twice.

  namespace c                                     namespace s
  +-------------------+                           +-------------------+
  |      clients      |      $LOSS lost, each way    |      servers      |
  |                   |     $DELAY late, each way    |                   |
  |  vc $C4/24   |===========================|  vs $S4/24   |
  +-------------------+           veth            +-------------------+
EOF

if ! grep -qw xrpc /proc/modules; then
	say "The module xrpc is not loaded." >&2
	exit 1
fi
if ! setup_pair || ! netem loss $LOSS delay $DELAY; then
	say "This kernel lacks veth or netem." >&2
	exit 1
fi
out=$(mktemp -d)
defer rm -rf "$out"
start=$(packets c vc)

title "A server of a first course in networks, written for UDP"
say "  Its source differs in the address only: AF_XRPC for AF_INET."
say
numbers="1 2 3 4 5 6 7 8 9 10"
serve math_server $PORT
# shellcheck disable=SC2086
on c "$out/plain" math_client $S4 $PORT $numbers
# shellcheck disable=SC2086
squares "$out/plain" $numbers
stop

title "The same with libxrpc, which tells how a failed call ended"
serve math_server_lib $PORT
on c "$out/lib" math_client_lib $S4 $PORT 12 111 1111
squares "$out/lib" 12 111 1111
stop

title "200 calls more, to see what each costs"
serve math_server $PORT
before=$(packets c vc) calls=$(count c CallsOut) again=$(count c Retrans)
again_s=$(count s Retrans)
# shellcheck disable=SC2046
on c "$out/many" math_client $S4 $PORT $(seq 1 200) >/dev/null
# shellcheck disable=SC2046
squares "$out/many" $(seq 1 200)
calls=$(($(count c CallsOut) - calls))
# what is owed for the last reply
sleep 0.2
sent=$(($(packets c vc) - before))
again=$(($(count c Retrans) - again + $(count s Retrans) - again_s))
say "  c\$ math_client $S4 $PORT 1 2 3 ... 200"
say "    $calls calls: $sent packets arrived at either end, $again were sent" \
	"again;"
say "    $(awk "BEGIN { printf \"%.2f\", $sent / $calls }") packets a call," \
	"where 2 is the least there can be:"
say "    the others make up for what the network lost."
[ "$calls" -eq 200 ] || wrong "$calls calls were counted"
stop

title "64 KiB there and back, in about a hundred packets"
head -c 65536 /dev/urandom >"$out/request"
serve xrpc-cat -l -n 1 -c "tee $out/served" $PORT
printf '  c$ xrpc-cat %s <request >reply\n' "$S4:$PORT"
ip netns exec c timeout 60 xrpc-cat "$S4:$PORT" <"$out/request" \
	>"$out/reply" || wrong "xrpc-cat failed"
wait $server
for f in request served reply; do
	sum=$(sha256sum <"$out/$f")
	printf '  %-8s %6d bytes  sha256 %s\n' $f "$(stat -c %s "$out/$f")" \
		"${sum%% *}"
	cmp -s "$out/$f" "$out/request" || wrong "$f is not the request"
done

title "What the counters say"
printf '  %-44s %8s %8s\n' "" "client" "server"
for name in CallsOut CallsReplied Retrans; do
	case $name in
	CallsOut)	what="calls begun" ;;
	CallsReplied)	what="calls replied to" ;;
	Retrans)	what="packets sent again" ;;
	esac
	printf '  %-44s %8s %8s\n' "$what ($name)" "$(count c $name)" \
		"$(count s $name)"
done
printf '  %-44s %8d\n' "packets at the client's device, both ways" \
	$(($(packets c vc) - start))
[ "$(count c CallsOut)" -eq "$(count c CallsReplied)" ] ||
	wrong "not all calls were replied to"
[ $(($(count c Retrans) + $(count s Retrans))) -gt 0 ] ||
	wrong "nothing was lost: the network is too good"

say
if [ $failed -eq 0 ]; then
	say "  All came out right: every call got its reply, and the right one."
else
	say "  Something went WRONG: see above."
fi
exit $failed
