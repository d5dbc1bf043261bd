// SPDX-License-Identifier: GPL-2.0-only
/* Sets of ranges.  See ranges.h. */
#ifdef __KERNEL__
#include <linux/string.h>
#endif
#include "ranges.h"

static void drop(struct xrpc_ranges *s, __u32 at, __u32 n)
{
	memmove(&s->r[at], &s->r[at + n], (s->n - at - n) * sizeof(s->r[0]));
	s->n -= n;
}

static bool insert(struct xrpc_ranges *s, __u32 at, __u64 lo, __u64 hi)
{
	if (s->n == XRPC_RANGES_MAX)
		return false;
	memmove(&s->r[at + 1], &s->r[at], (s->n - at) * sizeof(s->r[0]));
	s->r[at].lo = lo;
	s->r[at].hi = hi;
	s->n++;
	return true;
}

/**
 * xrpc_ranges_add() - add [lo, hi) to a set
 * @s: set
 * @lo: first to add
 * @hi: first not to add
 *
 * Return: false, and the set as it was, where it would need one range more
 * than there is room for.
 */
bool xrpc_ranges_add(struct xrpc_ranges *s, __u64 lo, __u64 hi)
{
	__u32 i, j;

	if (lo >= hi)
		return true;
	/* from the top: what is added is nearly always the newest */
	for (i = s->n; i > 0 && s->r[i - 1].hi >= lo; i--)
		;
	/* ranges i..j-1 touch the new one */
	for (j = i; j < s->n && s->r[j].lo <= hi; j++)
		;
	if (i == j)
		return insert(s, i, lo, hi);
	if (s->r[i].lo < lo)
		lo = s->r[i].lo;
	if (s->r[j - 1].hi > hi)
		hi = s->r[j - 1].hi;
	s->r[i].lo = lo;
	s->r[i].hi = hi;
	drop(s, i + 1, j - i - 1);
	return true;
}

/**
 * xrpc_ranges_add_newest() - add one number; forget the oldest range if full
 * @s: set
 * @v: number to add
 */
void xrpc_ranges_add_newest(struct xrpc_ranges *s, __u64 v)
{
	if (s->n && s->r[s->n - 1].hi == v) {
		s->r[s->n - 1].hi++;
		return;
	}
	if (xrpc_ranges_add(s, v, v + 1) || v < s->r[0].lo)
		return;
	drop(s, 0, 1);
	xrpc_ranges_add(s, v, v + 1);
}

/**
 * xrpc_ranges_add_cover() - add at least [lo, hi), more if room is short
 * @s: set
 * @lo: first to add
 * @hi: first not to add
 */
void xrpc_ranges_add_cover(struct xrpc_ranges *s, __u64 lo, __u64 hi)
{
	__u32 i;

	if (xrpc_ranges_add(s, lo, hi))
		return;
	/* full, so touching none: close the gap to a neighbour */
	for (i = 0; i < s->n && s->r[i].lo < lo; i++)
		;
	if (i < s->n)
		s->r[i].lo = lo;
	else
		s->r[i - 1].hi = hi;
}

/**
 * xrpc_ranges_del() - take [lo, hi) out of a set
 * @s: set
 * @lo: first to take out
 * @hi: first not to
 *
 * A hole in the middle of a full set's range is not made: the part behind it
 * is kept, the hole with it.
 */
void xrpc_ranges_del(struct xrpc_ranges *s, __u64 lo, __u64 hi)
{
	__u32 i = 0;

	if (lo >= hi)
		return;
	while (i < s->n) {
		struct xrpc_range *r = &s->r[i];

		if (r->hi <= lo) {
			i++;
		} else if (r->lo >= hi) {
			return;
		} else if (r->lo >= lo && r->hi <= hi) {
			drop(s, i, 1);
		} else if (r->lo < lo && r->hi > hi) {
			__u64 end = r->hi;

			if (s->n == XRPC_RANGES_MAX)
				return;
			r->hi = lo;
			insert(s, i + 1, hi, end);
			return;
		} else if (r->lo < lo) {
			r->hi = lo;
			i++;
		} else {
			r->lo = hi;
			return;
		}
	}
}

/**
 * xrpc_ranges_has() - whether a number is in a set
 * @s: set
 * @v: number
 */
bool xrpc_ranges_has(const struct xrpc_ranges *s, __u64 v)
{
	__u32 i;

	for (i = s->n; i > 0 && s->r[i - 1].lo > v; i--)
		;
	return i > 0 && v < s->r[i - 1].hi;
}

/**
 * xrpc_ranges_clip() - find the first part of [lo, hi) that is not in a set
 * @s: set
 * @lo: in: where to begin; out: where the part begins
 * @hi: where to end
 *
 * Return: where the part ends; not above *@lo if there is none.
 */
__u64 xrpc_ranges_clip(const struct xrpc_ranges *s, __u64 *lo, __u64 hi)
{
	__u32 i;

	for (i = 0; i < s->n; i++) {
		if (s->r[i].hi <= *lo)
			continue;
		if (s->r[i].lo > *lo)
			return s->r[i].lo < hi ? s->r[i].lo : hi;
		*lo = s->r[i].hi;
	}
	return hi;
}
