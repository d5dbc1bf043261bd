// SPDX-License-Identifier: GPL-2.0-only
/* Round-trip times and time-outs: RFC 9002 and RFC 6298, worked by hand. */
#include <kunit/test.h>

#include "../rtt.h"
#include "random.h"

#define MS	1000000ULL

static void first_sample_is_taken_whole(struct kunit *test)
{
	struct xrpc_rtt r = {};

	/* RFC 9002, 5.3: no delay is taken off the first one */
	xrpc_rtt_sample(&r, 100 * MS, 20 * MS);

	KUNIT_EXPECT_EQ(test, r.srtt, 100 * MS);
	KUNIT_EXPECT_EQ(test, r.rttvar, 50 * MS);
	KUNIT_EXPECT_EQ(test, r.min, 100 * MS);
	KUNIT_EXPECT_EQ(test, r.latest, 100 * MS);
}

static void second_sample_is_smoothed(struct kunit *test)
{
	struct xrpc_rtt r = {};

	xrpc_rtt_sample(&r, 100 * MS, 0);
	xrpc_rtt_sample(&r, 180 * MS, 0);

	/* 3/4 * 50 + 1/4 * |100 - 180|; 7/8 * 100 + 1/8 * 180 */
	KUNIT_EXPECT_EQ(test, r.rttvar, 57500000ULL);
	KUNIT_EXPECT_EQ(test, r.srtt, 110 * MS);
	KUNIT_EXPECT_EQ(test, r.min, 100 * MS);
}

static void variance_uses_the_old_mean(struct kunit *test)
{
	struct xrpc_rtt r = {};

	/* with the new mean, 90, it would be 3/4 * 50 + 1/4 * 70 = 55 */
	xrpc_rtt_sample(&r, 100 * MS, 0);
	xrpc_rtt_sample(&r, 20 * MS, 0);

	KUNIT_EXPECT_EQ(test, r.srtt, 90 * MS);
	KUNIT_EXPECT_EQ(test, r.rttvar, 57500000ULL);
}

static void delay_of_the_peer_is_taken_off(struct kunit *test)
{
	struct xrpc_rtt r = {};

	xrpc_rtt_sample(&r, 100 * MS, 0);
	xrpc_rtt_sample(&r, 140 * MS, 40 * MS);

	KUNIT_EXPECT_EQ(test, r.latest, 100 * MS);
	KUNIT_EXPECT_EQ(test, r.srtt, 100 * MS);
	KUNIT_EXPECT_EQ(test, r.rttvar, 37500000ULL);
}

static void delay_does_not_go_below_the_minimum(struct kunit *test)
{
	struct xrpc_rtt r = {};

	xrpc_rtt_sample(&r, 100 * MS, 0);
	xrpc_rtt_sample(&r, 120 * MS, 21 * MS);
	KUNIT_EXPECT_EQ(test, r.latest, 120 * MS);

	/* nor is the minimum taken from a sample with the delay off */
	KUNIT_EXPECT_EQ(test, r.min, 100 * MS);
	xrpc_rtt_sample(&r, 120 * MS, 20 * MS);
	KUNIT_EXPECT_EQ(test, r.latest, 100 * MS);
}

static void minimum_only_falls(struct kunit *test)
{
	struct rng g = { .state = 4 };
	struct xrpc_rtt r = {};
	__u64 low = ~0ULL, rtt;
	int i;

	for (i = 0; i < 1000; i++) {
		rtt = 1 + rng_below(&g, 1000000000);
		xrpc_rtt_sample(&r, rtt, rng_below(&g, 1000000000));
		if (rtt < low)
			low = rtt;
		KUNIT_ASSERT_EQ(test, r.min, low);
	}
}

static void sample_of_zero_counts_as_a_sample(struct kunit *test)
{
	struct xrpc_rtt r = {};

	xrpc_rtt_sample(&r, 0, 0);
	KUNIT_EXPECT_NE(test, r.srtt, 0ULL);

	/* and is not forgotten as the minimum */
	xrpc_rtt_sample(&r, 100 * MS, 0);
	KUNIT_EXPECT_LE(test, r.min, 1ULL);
}

static void mean_follows_the_samples(struct kunit *test)
{
	struct xrpc_rtt r = {};
	int i;

	xrpc_rtt_sample(&r, 500 * MS, 0);
	for (i = 0; i < 200; i++)
		xrpc_rtt_sample(&r, 3 * MS, 0);

	KUNIT_EXPECT_GE(test, r.srtt, 3 * MS - 100);
	KUNIT_EXPECT_LE(test, r.srtt, 3 * MS + 100);
	KUNIT_EXPECT_LT(test, r.rttvar, 1000ULL);
}

static void mean_stays_among_the_samples(struct kunit *test)
{
	struct rng g = { .state = 5 };
	struct xrpc_rtt r = {};
	int i;

	for (i = 0; i < 10000; i++) {
		xrpc_rtt_sample(&r, 10 * MS + rng_below(&g, 90 * MS),
				rng_below(&g, 50 * MS));
		/* rounding loses up to 8 ns a step, and the shifts win it
		 * back: the mean cannot drift
		 */
		KUNIT_ASSERT_GE(test, r.srtt, 10 * MS - 64);
		KUNIT_ASSERT_LE(test, r.srtt, 100 * MS + 64);
		KUNIT_ASSERT_LE(test, r.rttvar, 100 * MS);
	}
}

static void timeout_is_mean_variance_and_delay(struct kunit *test)
{
	struct xrpc_rtt r = {};

	xrpc_rtt_sample(&r, 100 * MS, 0);

	/* RFC 9002, 6.2.1: 100 + 4 * 50 + 25 */
	KUNIT_EXPECT_EQ(test, xrpc_rtt_pto(&r, 25 * MS, 0), 325 * MS);
}

static void timeout_has_a_granularity(struct kunit *test)
{
	struct xrpc_rtt r = { .srtt = 50000, .rttvar = 10, .min = 50000 };

	KUNIT_EXPECT_EQ(test, xrpc_rtt_pto(&r, 0, 0),
			50000 + XRPC_RTT_GRANULARITY);
}

static void timeout_without_a_sample(struct kunit *test)
{
	struct xrpc_rtt r = {};
	__u64 pto = xrpc_rtt_pto(&r, 0, 0);

	/* RFC 9002, 6.2.2: 333 ms to a second, never less than the former */
	KUNIT_EXPECT_GE(test, pto, 333 * MS);
	KUNIT_EXPECT_LE(test, pto, 1000 * MS);
}

static void timeout_doubles_up_to_a_limit(struct kunit *test)
{
	struct xrpc_rtt r = { .srtt = 10 * MS, .rttvar = MS, .min = MS };
	unsigned int i;

	/* 10 + 4 + 6 */
	for (i = 0; i < 6; i++)
		KUNIT_EXPECT_EQ(test, xrpc_rtt_pto(&r, 6 * MS, i),
				(20 * MS) << i);
	for (i = 7; i < 100; i++)
		KUNIT_EXPECT_EQ(test, xrpc_rtt_pto(&r, 6 * MS, i),
				XRPC_PTO_MAX);
}

static void limit_is_not_below_the_round_trip(struct kunit *test)
{
	struct xrpc_rtt r = { .srtt = 3000 * MS, .rttvar = 100 * MS,
			      .min = 3000 * MS };

	/* else a path of 3 s would retransmit every packet */
	KUNIT_EXPECT_EQ(test, xrpc_rtt_pto(&r, 0, 0), 3400 * MS);
	KUNIT_EXPECT_EQ(test, xrpc_rtt_pto(&r, 0, 9), 3400 * MS);
}

static void loss_delay_is_nine_eighths(struct kunit *test)
{
	struct xrpc_rtt r = { .srtt = 80 * MS, .latest = 40 * MS };

	/* RFC 9002, 6.1.2: of the larger one */
	KUNIT_EXPECT_EQ(test, xrpc_rtt_loss_delay(&r), 90 * MS);
	r.latest = 160 * MS;
	KUNIT_EXPECT_EQ(test, xrpc_rtt_loss_delay(&r), 180 * MS);
	r.latest = 1000;
	r.srtt = 1000;
	KUNIT_EXPECT_EQ(test, xrpc_rtt_loss_delay(&r), XRPC_RTT_GRANULARITY);
}

static void loss_delay_without_a_sample(struct kunit *test)
{
	struct xrpc_rtt r = {};

	KUNIT_EXPECT_EQ(test, xrpc_rtt_loss_delay(&r), 374625000ULL);
}

static struct kunit_case rtt_cases[] = {
	KUNIT_CASE(first_sample_is_taken_whole),
	KUNIT_CASE(second_sample_is_smoothed),
	KUNIT_CASE(variance_uses_the_old_mean),
	KUNIT_CASE(delay_of_the_peer_is_taken_off),
	KUNIT_CASE(delay_does_not_go_below_the_minimum),
	KUNIT_CASE(minimum_only_falls),
	KUNIT_CASE(sample_of_zero_counts_as_a_sample),
	KUNIT_CASE(mean_follows_the_samples),
	KUNIT_CASE(mean_stays_among_the_samples),
	KUNIT_CASE(timeout_is_mean_variance_and_delay),
	KUNIT_CASE(timeout_has_a_granularity),
	KUNIT_CASE(timeout_without_a_sample),
	KUNIT_CASE(timeout_doubles_up_to_a_limit),
	KUNIT_CASE(limit_is_not_below_the_round_trip),
	KUNIT_CASE(loss_delay_is_nine_eighths),
	KUNIT_CASE(loss_delay_without_a_sample),
	{}
};

static struct kunit_suite rtt_suite = {
	.name = "xrpc_rtt",
	.test_cases = rtt_cases,
};

kunit_test_suite(rtt_suite);
