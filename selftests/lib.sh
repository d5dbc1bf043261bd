# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What the shell tests share: TAP, namespaces, waiting, counting.
#
#	namespace c                        namespace s
#	+----------------+                 +----------------+
#	| vc 10.0.0.1/24 |=================| vs 10.0.0.2/24 |
#	|    fd00::1/64  |      veth       |    fd00::2/64  |
#	+----------------+                 +----------------+

C4=10.0.0.1 S4=10.0.0.2 C6=fd00::1 S6=fd00::2

# ---- TAP

tap_n=0
tap_failed=0

plan() { echo "TAP version 13"; echo "1..$1"; }

# result STATUS NAME: one line of TAP; STATUS 0 is good
result()
{
	tap_n=$((tap_n + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $tap_n - $2"
	else
		echo "not ok $tap_n - $2"
		tap_failed=1
	fi
}

# check NAME COMMAND...: its output is shown where it fails
check()
{
	local name=$1 out status
	shift
	out=$("$@" 2>&1)
	status=$?
	[ $status -eq 0 ] || printf '%s\n' "$out" | tail -n 20 | sed 's/^/# /'
	result $status "$name"
}

skip()
{
	tap_n=$((tap_n + 1))
	echo "ok $tap_n - $1 # SKIP $2"
}

finish() { exit $tap_failed; }

# scaled N: N for a full run, a part of it where the kernel is slow
scaled()
{
	local n=$(($1 / ${XRPC_DIV:-1}))
	echo $((n > 0 ? n : 1))
}

# ---- cleaning up

deferred=()

defer() { deferred+=("$*"); }

cleanup()
{
	local i
	for ((i = ${#deferred[@]} - 1; i >= 0; i--)); do
		eval "${deferred[i]}" >/dev/null 2>&1
	done
	deferred=()
}
trap cleanup EXIT

# busywait SECONDS COMMAND...: until it succeeds
busywait()
{
	local end=$((SECONDS + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.05
	done
}

# ---- namespaces

setup_ns()
{
	local ns
	for ns in "$@"; do
		ip netns add "$ns"
		defer ip netns del "$ns"
		ip -n "$ns" link set lo up
	done
}

# setup_pair: namespaces c and s as drawn above, their neighbours known
setup_pair()
{
	setup_ns c s
	ip link add vc netns c type veth peer name vs netns s
	ip -n c addr add $C4/24 dev vc
	ip -n s addr add $S4/24 dev vs
	ip -n c addr add $C6/64 dev vc nodad
	ip -n s addr add $S6/64 dev vs nodad
	ip netns exec c sysctl -qw net.ipv6.conf.all.router_solicitations=0
	ip netns exec s sysctl -qw net.ipv6.conf.all.router_solicitations=0
	ip -n c link set vc up
	ip -n s link set vs up
	local mc ms
	mc=$(ip netns exec c cat /sys/class/net/vc/address)
	ms=$(ip netns exec s cat /sys/class/net/vs/address)
	ip -n c neigh replace $S4 lladdr "$ms" dev vc
	ip -n c neigh replace $S6 lladdr "$ms" dev vc
	ip -n s neigh replace $C4 lladdr "$mc" dev vs
	ip -n s neigh replace $C6 lladdr "$mc" dev vs
	# what IPv6 sends when a link comes up
	sleep 2
}

# netem ARGS...: on both ends of the pair
netem()
{
	tc -n c qdisc replace dev vc root netem "$@" limit 100000
	tc -n s qdisc replace dev vs root netem "$@" limit 100000
}

# count NS NAME: one of the module's counters there
count()
{
	ip netns exec "$1" awk -v n="$2" '$1 == n { print $2 }' \
		/proc/net/xrpc/stats
}

# packets NS DEVICE: received and sent, as the device counts
packets()
{
	ip netns exec "$1" sh -c "cat /sys/class/net/$2/statistics/rx_packets \
		/sys/class/net/$2/statistics/tx_packets" |
		awk '{ n += $1 } END { print n }'
}

# server ADDR PORT [LOG]: the load generator's, in s, until the test ends
server()
{
	ip netns exec s load serve "$@" &
	defer kill $!
	busywait 10 bound s "$2"
}

# bound NS PORT: whether a UDP socket is
bound()
{
	[ -n "$(ip netns exec "$1" ss -Huln "sport = :$2")" ]
}
