#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# xrpc-test: mode=host kernels=6.1,6.12 timeout=300
#
# A virtual machine that is restored from a snapshot may be one of several: its
# epochs and sessions end.

cd "$(dirname "$0")" || exit 1
exec qemu/run --kernel "$XRPC_KERNEL" --no-build --timeout 240 --snapshots \
	-- ./snap
