#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
# Tests what needs no AF_XRPC: that the UDP pair works, and that the AF_XRPC
# pair differs from it in family and address form alone.

cd "$(dirname "$0")/.." || exit 1

n=0
bad=0
report() {
	n=$((n + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $n - $2"
	else
		echo "not ok $n - $2"
		bad=1
	fi
}

# What UDP's lines become when family and address form change, and no more.
translate() {
	sed -e 's/struct sockaddr_in \([af]\)/struct sockaddr_xrpc \1/' \
	    -e 's/struct sockaddr_in \*/struct sockaddr_in6 */g' \
	    -e 's/\.sin_family = AF_INET/.sxr_family = AF_XRPC/' \
	    -e 's/ai_family = AF_INET,/ai_family = AF_INET6,/' \
	    -e 's/socket(AF_INET, SOCK_DGRAM,/socket(AF_XRPC, SOCK_RDM,/' \
	    -e 's/{ htonl(INADDR_ANY) }/IN6ADDR_ANY_INIT/' \
	    -e 's/found->sin_/found->sin6_/' \
	    -e 's/\.sin_\([ap]\)/.sxr_\1/g' "$1"
}

same() {
	grep -v -e 'linux/xrpc.h' -e 'sxr_scope_id' "$2" >"$tmp/xrpc"
	translate "$1" | diff - "$tmp/xrpc" | sed 's/^/# /' >"$tmp/diff"
	cat "$tmp/diff"
	[ ! -s "$tmp/diff" ]
}

tmp=$(mktemp -d)
trap 'kill $server 2>/dev/null; rm -rf "$tmp"' EXIT
port=$((20000 + $$ % 10000))

echo "TAP version 13"
echo "1..4"
same math_server_udp.c math_server.c
report $? "the server differs in family and address form alone"
same math_client_udp.c math_client.c
report $? "the client differs in family and address form alone"

./math_server_udp $port 3 &
server=$!
sleep 0.3
timeout 5 ./math_client_udp 127.0.0.1 $port 7 -3 65535 >"$tmp/out"
printf '7 squared is 49\n-3 squared is 9\n65535 squared is 4294836225\n' |
	cmp -s - "$tmp/out"
report $? "the UDP pair squares"
wait $server
report $? "the server ends after its count"
exit $bad
