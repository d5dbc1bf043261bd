#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# xrpc-test: mode=host kernels=6.1 timeout=600
#
# The packet parser and what else a packet's bytes reach without a kernel: no
# input makes it read or write out of bounds, or contradict itself. Under
# libFuzzer where clang is, else by mutation alone. Each planted fault, one
# check gone, must be found: else the whole of it finds nothing.

. "$(dirname "$0")/lib.sh"

here=$(cd "$(dirname "$0")" && pwd)
module=$here/../module
dir=$(mktemp -d)
defer rm -rf "$dir"
seed=${FUZZ_SEED:-1}
runs=${FUZZ_RUNS:-60000}
flags=(-g -O1 -fsanitize=address -fsanitize=undefined
	-fno-sanitize-recover=all)
# a crash is looked for, not a dump of it
export ASAN_OPTIONS=detect_leaks=0:abort_on_error=0

# build CC FLAG OUT: the fuzzer, with what lies in $dir/src
build()
{
	"$1" "${flags[@]}" "$2" -I"$dir/src" "$here/fuzz_wire.c" \
		"$dir/src/wire.c" "$dir/src/ranges.c" -o "$3"
}

fresh()
{
	rm -rf "$dir/src"
	mkdir "$dir/src"
	cp "$module"/{wire.[ch],wire_user.h,ranges.[ch],rtt.h,cong.h} \
		"$dir/src"
}

# hunt LOG: the fuzzer, for $runs inputs; fails where it finds something
hunt()
{
	if [ -n "$libfuzzer" ]; then
		rm -rf "$dir/work"
		mkdir "$dir/work"
		(cd "$dir/work" && ../fuzz -seed="$seed" -runs="$runs" \
			-max_len=16384 -print_final_stats=1 . ../corpus) \
			>"$1" 2>&1
	else
		("$dir/fuzz" "$runs" "$seed"; exit $?) >"$1" 2>&1
	fi
}

# found NAME FILE OLD NEW: a copy of FILE with OLD made NEW is found faulty
found()
{
	fresh
	OLD=$3 NEW=$4 perl -0pi -e \
		's/\Q$ENV{OLD}\E/$ENV{NEW}/ or exit 3' "$dir/src/$2" &&
		build "${cc[@]}" "$dir/fuzz" >"$dir/log" 2>&1
	local good=$? what=
	if [ $good -eq 0 ]; then
		hunt "$dir/log"
		good=$((!$?))
		what=$(grep -m 1 -oE 'not so: .*|runtime error: .*|ERROR: [A-Za-z]+: [a-z-]+' \
			"$dir/log")
		[ -n "$what" ] || good=1
	fi
	[ $good -eq 0 ] || tail -n 20 "$dir/log" | sed 's/^/# /'
	result $good "found: $1 ($what)"
}

plan 10
fresh
check "the seeds are written" eval \
	'build gcc -DSTANDALONE "$dir/fuzz" && mkdir "$dir/corpus" &&
	"$dir/fuzz" corpus "$dir/corpus"'

# clang without its runtime finds no such library
libfuzzer="" how=mutation
cc=(gcc -DSTANDALONE)
echo 'int LLVMFuzzerTestOneInput(void) { return 0; }' >"$dir/probe.c"
if clang "${flags[@]}" -fsanitize=fuzzer "$dir/probe.c" -o "$dir/probe" \
	2>/dev/null; then
	libfuzzer=1 how=libFuzzer
	cc=(clang -fsanitize=fuzzer)
fi
echo "# $how, seed $seed"
fresh
build "${cc[@]}" "$dir/fuzz" >"$dir/log" 2>&1 && hunt "$dir/log"
good=$?
if [ $good -eq 0 ]; then
	grep -E 'Done|executed_units|new_units|packets taken' "$dir/log"
else
	tail -n 40 "$dir/log"
fi | sed 's/^/# /'
result $good "nothing is found in the code as it is"

found "a frame longer than its packet" wire.c \
	'len < sizeof(*h) || len > c->left' 'len < sizeof(*h)'
found "a method that is not there" wire.c \
	'if (left < sizeof(*m))' 'if (!d)'
found "a message longer than there may be" wire.c \
	'if (total > msg_max)' 'if (!d)'
found "a piece beyond its message" wire.c \
	'seg->off > seg->total || left > seg->total - seg->off' '!d'
found "more ranges than a frame may have" wire.c \
	'4 + 8 * XRPC_ACK_RANGES_MAX' '12 + 8 * XRPC_ACK_RANGES_MAX'
found "a short way that looks less closely" wire.c \
	'be16_to_cpu(f->len) != len || ' ''
found "a packet number a turn too low" wire.h \
	'pn < expected && expected - pn >= 0x80000000ULL' '!expected'
found "a set with more ranges than it has room for" ranges.c \
	'if (s->n == XRPC_RANGES_MAX)
		return false;' ''
finish
