#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# xrpc-test: mode=host kernels=6.1 timeout=60
#
# Documentation/protocol.rst says what the sources say: it has every state, code
# and flag with its value, and no other; its packets are right; and it can be
# rendered without a warning.

. "$(dirname "$0")/lib.sh"

top=$(realpath "$(dirname "$0")/..")
doc=$top/Documentation/protocol.rst
tmp=$(mktemp -d)
defer rm -rf "$tmp"

plan 7

# same NAME: whether two lists are alike
same()
{
	sort -u "$tmp/code" >"$tmp/code.sorted"
	sort -u "$tmp/doc" >"$tmp/doc.sorted"
	[ -s "$tmp/code" ] &&
		diff -u "$tmp/code.sorted" "$tmp/doc.sorted"
}

# No state is missing, and nothing else is called like one.
for kind in call:CALL chan:CHAN session:SESS; do
	prefix=XRPC_${kind#*:}_
	sed -n "/^enum xrpc_${kind%:*}_state {/,/^}/p" \
		"$top/module/internal.h" | grep -o "${prefix}[A-Z]*" >"$tmp/code"
	grep -o "\b${prefix}[A-Z_]*" "$doc" >"$tmp/doc"
	check "the states of a ${kind%:*}" same
done
sed -n "/^enum xrpc_[a-z]*_state {/,/^}/p" "$top/module/internal.h" |
	grep -o 'XRPC_[A-Z]*_[A-Z]*' >"$tmp/code"
grep -o "^   \* - \`\`XRPC_[A-Z]*_[A-Z]*" "$doc" | grep -o 'XRPC.*' >"$tmp/doc"
check "every state has a row in a table" same

# Values: "0x01 ``XRPC_HF_OPENING``" at the beginning of a table's row.
grep -oE 'XRPC_(FT|ST)_[A-Z_]+[[:space:]]*= 0x[0-9a-f]+|define XRPC_(HF|DF|OF|TF)_[A-Z_]+[[:space:]]+0x[0-9a-f]+' \
	"$top/module/wire.h" | sed 's/define //; s/=//' |
	awk '$1 !~ /_(KNOWN|SKIPPABLE)$/ { print $2, $1 }' >"$tmp/code"
{
	grep -oE '^0x[0-9a-f]{2} +``XRPC_(FT|ST|HF|DF|TF)_[A-Z_]+' "$doc"
	grep -oE '^Flag 0x[0-9a-f]{2}, ``XRPC_OF_[A-Z_]+' "$doc"
} | sed 's/^Flag //; s/,//; s/`//g' | awk '{ print $1, $2 }' >"$tmp/doc"
check "frames, flags and codes have the values of wire.h" same

# Packets: their lines follow each other, have as many bytes as is said, and
# the module's parser takes them.
packets()
{
	cc -shared -fPIC -I"$top/module" -o "$tmp/wire.so" \
		"$top/module/wire.c" &&
	python3 - "$tmp/wire.so" "$doc" <<'END'
import ctypes
import re
import sys

wire = ctypes.CDLL(sys.argv[1])
line = re.compile(r"^   ([0-9a-f]{2})  ((?:[0-9a-f]{2} )*[0-9a-f]{2})(?: {2,}|$)")
packets, said, wrong = [], None, 0
for text in open(sys.argv[2]):
    m = line.match(text)
    if not m:
        n = re.findall(r"\b(\d+) bytes", text)
        said = int(n[-1]) if n else said
        if text.rstrip().endswith("::"):
            packets.append([said, b"", text.strip()])
        continue
    at, data = int(m[1], 16), bytes.fromhex(m[2])
    if at != len(packets[-1][1]):
        print("offset", m[1], "does not follow:", text)
        wrong = 1
    packets[-1][1] += data
packets = [p for p in packets if p[1]]
for said, data, name in packets:
    room = (ctypes.c_uint32 * 500)()
    ctypes.memmove(room, data, len(data))
    err = wire.xrpc_wire_check(room, len(data), 65536)
    if err or len(data) != said:
        print(name, len(data), "bytes, said", said, "check", err)
        wrong = 1
print(len(packets), "packets")
sys.exit(wrong or len(packets) < 8)
END
}
check "the packets in it are right" packets

render()
{
	python3 -m docutils --report=1 --halt=1 "$doc" "$tmp/out.html"
}
if python3 -c 'import docutils' 2>/dev/null; then
	check "it renders without a warning" render
else
	skip "it renders without a warning" "no python3-docutils here"
fi
finish
