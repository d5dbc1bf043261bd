#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
# Holds header, library and manual to the same functions.
# Usage: symbols.sh HEADER LIBRARY

set -e

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

# A function is declared at the start of a line, a handler's type is not one.
grep -E '^[a-z].*xrpc_[a-z_]+\(|^xrpc_[a-z_]+\(' "$1" | grep -v typedef |
	sed -E 's/.*\<(xrpc_[a-z_]+)\(.*/\1/' | sort >"$dir/header"
nm -D --defined-only "$2" | awk '$2 == "T" { print $3 }' >"$dir/versioned"
sed 's/@.*//' "$dir/versioned" | sort >"$dir/library"

echo "TAP version 13"
echo "1..3"
if diff "$dir/header" "$dir/library" >"$dir/diff"; then
	echo "ok 1 - the library exports what the header declares"
else
	sed 's/^/# /' "$dir/diff"
	echo "not ok 1 - the library exports what the header declares"
	bad=1
fi
if grep -v '@@LIBXRPC_0\.1$' "$dir/versioned"; then
	echo "not ok 2 - every symbol has a version"
	bad=1
else
	echo "ok 2 - every symbol has a version"
fi
while read -r function; do
	[ -e "man/$function.3.scd" ] || grep -q "^$function\.3[[:space:]]" man/links ||
		echo "# no page: $function"
done <"$dir/header" >"$dir/pages"
if [ -s "$dir/pages" ]; then
	cat "$dir/pages"
	echo "not ok 3 - every function has a page"
	bad=1
else
	echo "ok 3 - every function has a page"
fi
exit "${bad:-0}"
