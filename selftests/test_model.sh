#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# xrpc-test: mode=host kernels=6.1 timeout=1800
#
# The promises, checked in models of the protocol's state machines: every order
# of events within the models' bounds is looked at. Then with one rule left out
# at a time: the checker has to find what the rule is there for, or it would
# prove nothing. Documentation/model.rst says what the models are of.

. "$(dirname "$0")/lib.sh"

models=$(realpath "$(dirname "$0")/model")
plan 27
dir=$(mktemp -d)
defer rm -rf "$dir"

# search MODEL HOW [-DNAME...]: what the checker says. HOW is "all", to look at
# everything; "cycles", for what never ends; "first" or "last", for a violation,
# beginning with the first or the last of the processes: which is sooner there
search()
{
	local model=$1 how=$2 build="-DSAFETY -DNOCLAIM" run=
	shift 2
	case $how in
	all)
		build+=" -DCOLLAPSE"
		;;
	last)
		build+=" -DREVERSE"
		;;
	cycles)
		build=
		run="-a -f"
		;;
	esac
	cd "$dir" || return 1
	rm -f pan* ./*.trail
	spin -a "$@" "$models/$model" >spin.log 2>&1 || { cat spin.log; return 1; }
	# shellcheck disable=SC2086
	gcc -w -O2 -DMEMLIM=3000 $build -o pan pan.c &&
		./pan -m200000 -n $run 2>&1
}

# holds NAME MODEL HOW [-DNAME...]: no violation, in a search that was complete
holds()
{
	local name=$1 out
	shift
	out=$(search "$@")
	echo "$out" | awk '/states, stored/ { s = $1 } /elapsed time/ { t = $4 }
		END { print "# " s " states, " t " s" }'
	echo "$out" | grep -q 'errors: 0$' &&
		! echo "$out" | grep -qE 'error: |MEMLIM|out of memory'
	status=$?
	[ $status -eq 0 ] || echo "$out" | tail -n 20 | sed 's/^/# /'
	result $status "$name"
}

# found NAME MODEL HOW [-DNAME...]: a violation
found()
{
	local name=$1 out
	shift
	out=$(search "$@")
	echo "$out" | grep -qE '^pan:1: (assertion violated|acceptance cycle)' &&
		echo "$out" | grep -q 'errors: 1$'
	status=$?
	[ $status -eq 0 ] || echo "$out" | tail -n 20 | sed 's/^/# /'
	result $status "$name"
}

# ---- one channel

holds "a request runs at most once, its outcome is true, n+1 waits for n" \
	call.pml all
holds "every call ends and its channel is free, or the session over" \
	call.pml cycles
found "without the mark of a sequence a request runs twice" \
	call.pml last -DBREAK_MARK
found "without a record of a refusal a refused request runs" \
	call.pml last -DBREAK_RECORD_REFUSAL
found "without one when a socket dies, too" \
	call.pml last -DBREAK_DRAIN_RECORDED
found "without a cancel's mark a cancelled request runs" \
	call.pml last -DBREAK_MARK_ON_CANCEL
found "a delivered request that is cancelled may have run" \
	call.pml last -DBREAK_DELIVERED_IS_UNKNOWN
found "and so may one whose server died" \
	call.pml last -DBREAK_ABORTED
found "without its sequence a reply is taken for another request's" \
	call.pml last -DBREAK_REPLY_SEQUENCE
found "a channel freed without a verdict carries two calls at once" \
	call.pml last -DBREAK_CHANNEL_HELD
found "without the cancel's give-up a channel is stuck" \
	call.pml cycles -DBREAK_GIVE_UP

# ---- epochs, tokens, crashes

holds "over sessions, epochs and crashes: at most once, true outcomes" \
	reopen.pml all
# the life of tokens does not matter to it
holds "the outcome of a replayable request is true however often it ran" \
	reopen.pml all -DREPLAYABLE -DLIFE=1
found "what was replayed is never told not executed" \
	reopen.pml first -DREPLAYABLE -DBREAK_REPLAYED
found "without the horizon what ran before a crash is told not executed" \
	reopen.pml last -DBREAK_HORIZON
found "without the epoch's age in the horizon a request runs twice" \
	reopen.pml last -DBREAK_EPOCH_AGE
found "with tokens that outlive their epoch a request runs twice" \
	reopen.pml last -DBREAK_EPOCH_IN_TOKEN
found "an answer to an older question proves nothing" \
	reopen.pml first -DBREAK_OLD_ANSWER
found "another epoch's RETRY taken for the same session's: it runs twice" \
	reopen.pml last -DBREAK_RETRY_EPOCH
found "a RETRY's token on an id that may be forgotten: it runs twice" \
	reopen.pml last -DBREAK_RETRY_FORGOTTEN
found "the same where only running calls are asked for their age" \
	reopen.pml last -DBREAK_RETRY_CALLS
found "the same where an open session takes any RETRY's" \
	reopen.pml last -DBREAK_RETRY_OPEN
found "a new id while the old one's token may be good: it runs twice" \
	reopen.pml first -DBREAK_RETRY_RENEWS
found "without memory of closed sessions' ids a request runs twice" \
	reopen.pml last -DBREAK_ID_MEMORY
found "with a memory just as long as a token's life it runs twice" \
	reopen.pml last -DBREAK_MEMORY_MARGIN
found "with ids forgotten and older tokens taken it runs twice" \
	reopen.pml last -DBREAK_WATERMARK
found "with ids of the watermark's own moment forgotten it runs twice" \
	reopen.pml last -DBREAK_WATERMARK_STRICT
finish
