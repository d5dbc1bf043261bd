#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# xrpc-test: mode=smp kernels=6.1,6.12,debug timeout=900
#
# Through a network that loses, repeats, reorders and corrupts, every call is
# replied to rightly, and every request is executed exactly once.

. "$(dirname "$0")/lib.sh"

plan 6
calls=$(scaled 10000)
setup_pair
netem delay 2ms 1ms loss 10% duplicate 10% reorder 25% corrupt 1%
port=5000
for a in $S4 $S6; do
	log=$(mktemp)
	server $a $port "$log"
	check "$calls calls to $a: every reply is right" \
		ip netns exec c load call $a $port "$calls" -t 32 -m 65536
	sort "$log" | grep -v short >"$log.sorted"
	twice=$(uniq -d "$log.sorted" | wc -l)
	[ "$twice" -eq 0 ]
	result $? "no request to $a ran twice ($twice did)"
	# requests too short to carry their id are in the log as such
	ran=$(($(wc -l <"$log.sorted") + $(grep -c short "$log")))
	[ "$ran" -eq "$calls" ]
	result $? "every request to $a ran once ($ran runs)"
	echo "# retransmitted: $(count c Retrans) and $(count s Retrans)," \
	     "repeated packets dropped: $(count s DupPackets)"
	port=$((port + 1))
done
finish
