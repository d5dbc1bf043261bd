#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
# Makes pages that are other names of pages.
# Usage: links.sh MANDIR <LINKS, each line NAME.SECTION PAGE.SECTION

set -e

while read -r name page; do
	case $name in
	'' | \#*) continue ;;
	esac
	printf '.so man%s/%s\n' "${page##*.}" "$page" >"$1/man${name##*.}/$name"
done
