// SPDX-License-Identifier: GPL-2.0-only
/* Sets of ranges: by hand, and against a bitmap that does the same. */
#include <kunit/test.h>
#include <linux/bitmap.h>

#include "../ranges.c"
#include "random.h"

/* What every set promises: ordered, none empty, none touching the next. */
static void expect_canonical(struct kunit *test, const struct xrpc_ranges *s)
{
	__u32 i;

	KUNIT_ASSERT_LE(test, s->n, (__u32)XRPC_RANGES_MAX);
	for (i = 0; i < s->n; i++) {
		KUNIT_ASSERT_LT(test, s->r[i].lo, s->r[i].hi);
		if (i)
			KUNIT_ASSERT_LT(test, s->r[i - 1].hi, s->r[i].lo);
	}
}

static void expect_range(struct kunit *test, const struct xrpc_ranges *s,
			 __u32 i, __u64 lo, __u64 hi)
{
	KUNIT_ASSERT_LT(test, i, s->n);
	KUNIT_EXPECT_EQ(test, s->r[i].lo, lo);
	KUNIT_EXPECT_EQ(test, s->r[i].hi, hi);
}

/* [0, 1), [10, 11), … until there is room for no more. */
static void fill(struct xrpc_ranges *s)
{
	__u32 i;

	s->n = 0;
	for (i = 0; i < XRPC_RANGES_MAX; i++)
		xrpc_ranges_add(s, 10 * i, 10 * i + 1);
}

static void add_joins_what_touches(struct kunit *test)
{
	struct xrpc_ranges s = {};

	KUNIT_EXPECT_TRUE(test, xrpc_ranges_add(&s, 10, 20));
	KUNIT_EXPECT_TRUE(test, xrpc_ranges_add(&s, 30, 40));
	KUNIT_EXPECT_EQ(test, s.n, 2U);

	KUNIT_EXPECT_TRUE(test, xrpc_ranges_add(&s, 20, 30));

	KUNIT_EXPECT_EQ(test, s.n, 1U);
	expect_range(test, &s, 0, 10, 40);
}

static void add_keeps_what_does_not_touch_apart(struct kunit *test)
{
	struct xrpc_ranges s = {};

	xrpc_ranges_add(&s, 30, 40);
	xrpc_ranges_add(&s, 10, 20);
	xrpc_ranges_add(&s, 22, 28);

	KUNIT_EXPECT_EQ(test, s.n, 3U);
	expect_range(test, &s, 0, 10, 20);
	expect_range(test, &s, 1, 22, 28);
	expect_range(test, &s, 2, 30, 40);
}

static void add_swallows_several(struct kunit *test)
{
	struct xrpc_ranges s = {};

	xrpc_ranges_add(&s, 0, 1);
	xrpc_ranges_add(&s, 10, 11);
	xrpc_ranges_add(&s, 20, 21);
	xrpc_ranges_add(&s, 30, 31);

	xrpc_ranges_add(&s, 5, 25);

	KUNIT_EXPECT_EQ(test, s.n, 3U);
	expect_range(test, &s, 1, 5, 25);
}

static void add_of_what_is_there_changes_nothing(struct kunit *test)
{
	struct xrpc_ranges s = {};

	xrpc_ranges_add(&s, 10, 20);
	xrpc_ranges_add(&s, 12, 15);
	xrpc_ranges_add(&s, 10, 20);
	xrpc_ranges_add(&s, 15, 15);
	xrpc_ranges_add(&s, 18, 3);

	KUNIT_EXPECT_EQ(test, s.n, 1U);
	expect_range(test, &s, 0, 10, 20);
}

static void add_to_a_full_set_fails_and_changes_nothing(struct kunit *test)
{
	struct xrpc_ranges s, before;

	fill(&s);
	before = s;

	KUNIT_EXPECT_FALSE(test, xrpc_ranges_add(&s, 5, 6));

	KUNIT_EXPECT_EQ(test, s.n, before.n);
	KUNIT_EXPECT_EQ(test, memcmp(s.r, before.r, sizeof(s.r)), 0);
	/* what joins needs no room */
	KUNIT_EXPECT_TRUE(test, xrpc_ranges_add(&s, 1, 10));
	KUNIT_EXPECT_EQ(test, s.n, (__u32)XRPC_RANGES_MAX - 1);
}

static void add_reaches_the_largest_numbers(struct kunit *test)
{
	struct xrpc_ranges s = {};

	xrpc_ranges_add(&s, ~0ULL - 1, ~0ULL);
	xrpc_ranges_add(&s, 0, 1);

	KUNIT_EXPECT_EQ(test, s.n, 2U);
	KUNIT_EXPECT_TRUE(test, xrpc_ranges_has(&s, ~0ULL - 1));
	KUNIT_EXPECT_FALSE(test, xrpc_ranges_has(&s, ~0ULL));
}

static void newest_forgets_the_oldest(struct kunit *test)
{
	const __u64 top = 10 * XRPC_RANGES_MAX;
	struct xrpc_ranges s;

	fill(&s);

	xrpc_ranges_add_newest(&s, top);

	KUNIT_EXPECT_EQ(test, s.n, (__u32)XRPC_RANGES_MAX);
	KUNIT_EXPECT_FALSE(test, xrpc_ranges_has(&s, 0));
	KUNIT_EXPECT_TRUE(test, xrpc_ranges_has(&s, 10));
	KUNIT_EXPECT_TRUE(test, xrpc_ranges_has(&s, top));
	expect_canonical(test, &s);
}

static void newest_does_not_forget_for_something_older(struct kunit *test)
{
	struct xrpc_ranges s;
	__u32 i;

	s.n = 0;
	for (i = 1; i <= XRPC_RANGES_MAX; i++)
		xrpc_ranges_add(&s, 10 * i, 10 * i + 1);

	xrpc_ranges_add_newest(&s, 3);

	KUNIT_EXPECT_TRUE(test, xrpc_ranges_has(&s, 10));
	KUNIT_EXPECT_FALSE(test, xrpc_ranges_has(&s, 3));
}

static void newest_in_order_stays_one_range(struct kunit *test)
{
	struct xrpc_ranges s = {};
	__u64 v;

	for (v = 7; v < 1000; v++)
		xrpc_ranges_add_newest(&s, v);
	xrpc_ranges_add_newest(&s, 500);

	KUNIT_EXPECT_EQ(test, s.n, 1U);
	expect_range(test, &s, 0, 7, 1000);
}

static void cover_closes_a_gap_when_full(struct kunit *test)
{
	const __u64 end = 10 * XRPC_RANGES_MAX;
	struct xrpc_ranges s;

	fill(&s);
	xrpc_ranges_add_cover(&s, 5, 6);
	expect_canonical(test, &s);
	KUNIT_EXPECT_EQ(test, s.n, (__u32)XRPC_RANGES_MAX);
	expect_range(test, &s, 1, 5, 11);

	/* above the last one there is only the last one to stretch */
	fill(&s);
	xrpc_ranges_add_cover(&s, end, end + 5);
	expect_canonical(test, &s);
	expect_range(test, &s, XRPC_RANGES_MAX - 1, end - 10, end + 5);
}

static void del_cuts_trims_and_drops(struct kunit *test)
{
	struct xrpc_ranges s = {};

	xrpc_ranges_add(&s, 0, 100);
	xrpc_ranges_del(&s, 40, 60);
	KUNIT_EXPECT_EQ(test, s.n, 2U);
	expect_range(test, &s, 0, 0, 40);
	expect_range(test, &s, 1, 60, 100);

	xrpc_ranges_del(&s, 30, 70);
	expect_range(test, &s, 0, 0, 30);
	expect_range(test, &s, 1, 70, 100);

	xrpc_ranges_del(&s, 0, 30);
	KUNIT_EXPECT_EQ(test, s.n, 1U);
	xrpc_ranges_del(&s, 0, 1000);
	KUNIT_EXPECT_EQ(test, s.n, 0U);
}

static void del_of_nothing_changes_nothing(struct kunit *test)
{
	struct xrpc_ranges s = {};

	xrpc_ranges_add(&s, 0, 100);

	xrpc_ranges_del(&s, 50, 50);
	xrpc_ranges_del(&s, 70, 30);
	xrpc_ranges_del(&s, 100, 200);

	KUNIT_EXPECT_EQ(test, s.n, 1U);
	expect_range(test, &s, 0, 0, 100);
	KUNIT_EXPECT_TRUE(test, xrpc_ranges_full(&s, 100));
}

static void del_makes_no_hole_in_a_full_set(struct kunit *test)
{
	struct xrpc_ranges s;

	fill(&s);
	xrpc_ranges_add(&s, 0, 5);

	xrpc_ranges_del(&s, 2, 3);

	KUNIT_EXPECT_EQ(test, s.n, (__u32)XRPC_RANGES_MAX);
	expect_range(test, &s, 0, 0, 5);
}

static void clip_finds_the_first_gap(struct kunit *test)
{
	struct xrpc_ranges s = {};
	__u64 lo;

	xrpc_ranges_add(&s, 10, 20);
	xrpc_ranges_add(&s, 30, 40);

	lo = 0;
	KUNIT_EXPECT_EQ(test, xrpc_ranges_clip(&s, &lo, 100), 10ULL);
	KUNIT_EXPECT_EQ(test, lo, 0ULL);

	lo = 10;
	KUNIT_EXPECT_EQ(test, xrpc_ranges_clip(&s, &lo, 100), 30ULL);
	KUNIT_EXPECT_EQ(test, lo, 20ULL);

	lo = 15;
	KUNIT_EXPECT_EQ(test, xrpc_ranges_clip(&s, &lo, 25), 25ULL);
	KUNIT_EXPECT_EQ(test, lo, 20ULL);

	lo = 35;
	KUNIT_EXPECT_EQ(test, xrpc_ranges_clip(&s, &lo, 100), 100ULL);
	KUNIT_EXPECT_EQ(test, lo, 40ULL);
}

static void clip_tells_when_there_is_none(struct kunit *test)
{
	struct xrpc_ranges s = {};
	__u64 lo = 12;

	xrpc_ranges_add(&s, 10, 20);

	KUNIT_EXPECT_LE(test, xrpc_ranges_clip(&s, &lo, 18), lo);
}

static void full_means_exactly_full(struct kunit *test)
{
	struct xrpc_ranges s = {};

	KUNIT_EXPECT_TRUE(test, xrpc_ranges_full(&s, 0));
	KUNIT_EXPECT_FALSE(test, xrpc_ranges_full(&s, 1));

	xrpc_ranges_add(&s, 1, 10);
	KUNIT_EXPECT_FALSE(test, xrpc_ranges_full(&s, 10));
	xrpc_ranges_add(&s, 0, 1);
	KUNIT_EXPECT_TRUE(test, xrpc_ranges_full(&s, 10));
	KUNIT_EXPECT_FALSE(test, xrpc_ranges_full(&s, 11));
	KUNIT_EXPECT_FALSE(test, xrpc_ranges_full(&s, 9));
}

#define MODEL_BITS	256
#define MODEL_STEPS	20000

/* The model: one bit a number, and the ranges counted the slow way. */
static __u32 model_ranges(const unsigned long *bits)
{
	__u32 n = 0, i;

	for (i = 0; i < MODEL_BITS; i++)
		n += test_bit(i, bits) && (!i || !test_bit(i - 1, bits));
	return n;
}

static bool same_as_model(const struct xrpc_ranges *s,
			  const unsigned long *bits)
{
	__u32 i;

	for (i = 0; i < MODEL_BITS; i++)
		if (xrpc_ranges_has(s, i) != !!test_bit(i, bits))
			return false;
	return s->n == model_ranges(bits);
}

static bool clip_as_model(const struct xrpc_ranges *s,
			  const unsigned long *bits, __u32 lo, __u32 hi)
{
	__u32 first = find_next_zero_bit(bits, hi, lo);
	__u32 end = find_next_bit(bits, hi, first);
	__u64 at = lo, got = xrpc_ranges_clip(s, &at, hi);

	if (first >= hi)
		return got <= at;
	return at == first && got == end;
}

static void behaves_as_a_bitmap(struct kunit *test)
{
	struct rng g = { .state = 1 };
	struct xrpc_ranges s = {};
	DECLARE_BITMAP(want, MODEL_BITS);
	DECLARE_BITMAP(bits, MODEL_BITS);
	__u32 step, lo, len, full = 0;

	bitmap_zero(bits, MODEL_BITS);
	for (step = 0; step < MODEL_STEPS; step++) {
		/* short ones mostly, so that the set gets full as well */
		len = rng_below(&g, rng_below(&g, 64) ? 4 : 64);
		lo = rng_below(&g, MODEL_BITS - len);
		bitmap_copy(want, bits, MODEL_BITS);

		if (rng_below(&g, 3)) {
			bitmap_set(want, lo, len);
			if (model_ranges(want) > XRPC_RANGES_MAX) {
				full++;
				KUNIT_ASSERT_FALSE(test,
						   xrpc_ranges_add(&s, lo,
								   lo + len));
			} else {
				KUNIT_ASSERT_TRUE(test,
						  xrpc_ranges_add(&s, lo,
								  lo + len));
				bitmap_copy(bits, want, MODEL_BITS);
			}
		} else {
			bitmap_clear(want, lo, len);
			if (model_ranges(want) <= XRPC_RANGES_MAX)
				bitmap_copy(bits, want, MODEL_BITS);
			xrpc_ranges_del(&s, lo, lo + len);
		}

		expect_canonical(test, &s);
		KUNIT_ASSERT_TRUE_MSG(test, same_as_model(&s, bits),
				      "step %u, [%u, %u)", step, lo, lo + len);
		KUNIT_ASSERT_TRUE(test, clip_as_model(&s, bits, lo,
						      MODEL_BITS));
	}
	/* else the run has not seen what it is for */
	KUNIT_EXPECT_GT(test, full, 100U);
}

static void cover_holds_at_least_what_it_was_given(struct kunit *test)
{
	struct rng g = { .state = 2 };
	struct xrpc_ranges s = {};
	DECLARE_BITMAP(bits, MODEL_BITS);
	__u32 step, lo, i, missing;

	bitmap_zero(bits, MODEL_BITS);
	for (step = 0; step < 4000; step++) {
		if (!rng_below(&g, 64)) {
			s.n = 0;
			bitmap_zero(bits, MODEL_BITS);
		}
		lo = rng_below(&g, MODEL_BITS - 2);
		bitmap_set(bits, lo, 2);
		xrpc_ranges_add_cover(&s, lo, lo + 2);

		expect_canonical(test, &s);
		missing = 0;
		for_each_set_bit(i, bits, MODEL_BITS)
			missing += !xrpc_ranges_has(&s, i);
		KUNIT_ASSERT_EQ(test, missing, 0U);
	}
}

static void newest_holds_the_newest(struct kunit *test)
{
	struct rng g = { .state = 3 };
	struct xrpc_ranges s = {};
	DECLARE_BITMAP(bits, MODEL_BITS);
	__u32 step, v;

	bitmap_zero(bits, MODEL_BITS);
	for (step = 0; step < 4000; step++) {
		if (!rng_below(&g, 128)) {
			s.n = 0;
			bitmap_zero(bits, MODEL_BITS);
		}
		v = rng_below(&g, MODEL_BITS);
		set_bit(v, bits);

		xrpc_ranges_add_newest(&s, v);

		/* only a full set forgets, and only from the old end */
		expect_canonical(test, &s);
		if (s.n == XRPC_RANGES_MAX)
			bitmap_clear(bits, 0, s.r[0].lo);
		KUNIT_ASSERT_TRUE_MSG(test, same_as_model(&s, bits),
				      "step %u, %u", step, v);
	}
}

static struct kunit_case ranges_cases[] = {
	KUNIT_CASE(add_joins_what_touches),
	KUNIT_CASE(add_keeps_what_does_not_touch_apart),
	KUNIT_CASE(add_swallows_several),
	KUNIT_CASE(add_of_what_is_there_changes_nothing),
	KUNIT_CASE(add_to_a_full_set_fails_and_changes_nothing),
	KUNIT_CASE(add_reaches_the_largest_numbers),
	KUNIT_CASE(newest_forgets_the_oldest),
	KUNIT_CASE(newest_does_not_forget_for_something_older),
	KUNIT_CASE(newest_in_order_stays_one_range),
	KUNIT_CASE(cover_closes_a_gap_when_full),
	KUNIT_CASE(del_cuts_trims_and_drops),
	KUNIT_CASE(del_of_nothing_changes_nothing),
	KUNIT_CASE(del_makes_no_hole_in_a_full_set),
	KUNIT_CASE(clip_finds_the_first_gap),
	KUNIT_CASE(clip_tells_when_there_is_none),
	KUNIT_CASE(full_means_exactly_full),
	KUNIT_CASE_SLOW(behaves_as_a_bitmap),
	KUNIT_CASE(cover_holds_at_least_what_it_was_given),
	KUNIT_CASE(newest_holds_the_newest),
	{}
};

static struct kunit_suite ranges_suite = {
	.name = "xrpc_ranges",
	.test_cases = ranges_cases,
};

kunit_test_suite(ranges_suite);
