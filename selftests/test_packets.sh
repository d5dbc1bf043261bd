#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# xrpc-test: mode=icount kernels=6.1,6.12,debug timeout=300
#
# A call is two packets, as the network devices count them: one after another
# on one channel, and 64 at a time.

. "$(dirname "$0")/lib.sh"

plan 4
calls=$(scaled 10000)
# Two packets are enough while an answer leaves within the server's delay of
# 5 ms: on a debug kernel 64 of them take longer than that.
window=64
[ "${XRPC_DIV:-1}" -lt 10 ] || window=2
setup_pair
for a in $S4 $S6; do
	server $a 5000
	for how in "" "-w $window"; do
		before=$(packets c vc)
		# shellcheck disable=SC2086
		out=$(ip netns exec c load call $a 5000 "$calls" -m 100 $how)
		good=$?
		after=$(packets c vc)
		n=$((after - before))
		echo "# $calls calls, $n packets: $out"
		# 2.01 a call, and opening and closing the session on top
		[ $good -eq 0 ] && [ $n -ge $((2 * calls)) ] &&
			[ $((n * 100)) -le $((calls * 201 + 600)) ]
		result $? "two packets a call to $a${how:+, $window at a time}"
	done
	cleanup_server() { kill %%; wait %%; }
	cleanup_server 2>/dev/null
done
finish
