#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# xrpc-test: mode=host kernels=6.1 timeout=540
#
# The rows of the crash matrix (test_crash_matrix.c) that need two kernels: modules
# that are unloaded and loaded again, and hosts that stop dead. The first guest
# has clients and the middlebox, the second servers. A server's log goes to a
# file here, which outlives its host; what clients were told is compared with it.

here=$(cd "$(dirname "$0")" && pwd)
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

"$here/qemu/run" --kernel "${XRPC_KERNEL:-6.1}" --no-build --cpus 1 --mem 512M \
	--timeout 520 --env "XRPC_DIV=${XRPC_DIV:-1}" \
	--env "CRASH_ONLY=${CRASH_ONLY:-}" \
	--peer-log "$tmp/log" --peer "./test_crash_matrix peer" \
	-- ./test_crash_matrix hosts >"$tmp/told" 2>"$tmp/err"
status=$?
grep '^#' "$tmp/told"
"$here/test_crash_matrix" judge "$tmp/log" <"$tmp/told"
judged=$?
if [ $status -ne 0 ]; then
	sed 's/^/# /' "$tmp/err" | tail -n 100
	exit $status
fi
exit $judged
