#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# xrpc-test: mode=smp kernels=6.1,6.12,debug timeout=600
#
# The module and its namespaces come and go under load. What they leave behind
# (a splat, a namespace, memory) the guest's runner reports.

. "$(dirname "$0")/lib.sh"

module=/xrpc/xrpc.ko
[ -e $module ] || { echo "1..0 # SKIP no $module to load"; exit 0; }
rounds=$(scaled 50)
plan 5

loaded() { grep -q '^xrpc ' /proc/modules; }
unloaded() { rmmod xrpc; }

# one round: calls both ways through a slow network, then the namespaces go
round()
{
	setup_ns c s
	ip link add vc netns c type veth peer name vs netns s
	ip -n c addr add $C4/24 dev vc
	ip -n s addr add $S4/24 dev vs
	ip -n c link set vc up
	ip -n s link set vs up
	ip netns exec s load serve $S4 5000 >/dev/null 2>&1 &
	ip netns exec c load serve $C4 5000 >/dev/null 2>&1 &
	busywait 10 bound s 5000 || return 1
	busywait 10 bound c 5000 || return 1
	netem delay 20ms
	ip netns exec c load call $S4 5000 100000 -w 32 >/dev/null 2>&1 &
	ip netns exec s load call $C4 5000 100000 -t 4 -m 20000 >/dev/null 2>&1 &
	sleep "0.$((RANDOM % 3 + 1))"
	# while sockets are open the module stays
	rmmod xrpc 2>/dev/null && return 2
	# packets and lingering endpoints are left when the processes are gone
	jobs=$(jobs -p)
	# shellcheck disable=SC2086
	kill -9 $jobs
	# shellcheck disable=SC2086
	wait $jobs 2>/dev/null
	cleanup
	return 0
}

rounds()
{
	local i
	for ((i = 0; i < rounds; i++)); do
		round || { echo "round $i: $?"; return 1; }
		# every other time the module goes as well
		if ((i % 2)); then
			busywait 20 unloaded || { lsmod; return 1; }
			loaded && return 1
			insmod $module || return 1
		fi
	done
}

check "$rounds rounds of namespaces and modules that go under load" rounds

# lingering endpoints do not keep the module
setup_ns s
ip netns exec s load serve 127.0.0.1 5000 >/dev/null 2>&1 &
pid=$!
busywait 10 bound s 5000
check "calls after that" ip netns exec s load call 127.0.0.1 5000 100
rmmod xrpc 2>/dev/null
loaded
result $? "an open socket keeps the module"
kill -9 $pid
wait $pid 2>/dev/null
busywait 10 bound s 5000
result $? "an endpoint lingers after its last socket"
busywait 20 unloaded
result $? "a lingering endpoint does not keep the module"
insmod $module
finish
