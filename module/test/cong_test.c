// SPDX-License-Identifier: GPL-2.0-only
/* The congestion window: RFC 9002, section 7. */
#include <kunit/test.h>

#include "../cong.h"
#include "random.h"

#define MSS	1400U

/* A window of @cwnd with so much in flight that it limits the sender. */
static struct xrpc_cong busy(__u32 cwnd, __u32 ssthresh)
{
	return (struct xrpc_cong){ .cwnd = cwnd, .ssthresh = ssthresh,
				   .in_flight = cwnd };
}

static void initial_window_follows_the_packet_size(struct kunit *test)
{
	struct xrpc_cong c;

	/* RFC 9002, 7.2: min(10 * mss, max(14720, 2 * mss)) */
	xrpc_cong_init(&c, 1200);
	KUNIT_EXPECT_EQ(test, c.cwnd, 12000U);
	xrpc_cong_init(&c, 1472);
	KUNIT_EXPECT_EQ(test, c.cwnd, 14720U);
	xrpc_cong_init(&c, 8972);
	KUNIT_EXPECT_EQ(test, c.cwnd, 17944U);
	KUNIT_EXPECT_EQ(test, c.in_flight, 0U);
}

static void one_packet_may_always_be_sent(struct kunit *test)
{
	struct xrpc_cong c;

	xrpc_cong_init(&c, MSS);
	KUNIT_EXPECT_TRUE(test, xrpc_cong_room(&c, 10 * c.cwnd));
	xrpc_cong_sent(&c, 1);
	KUNIT_EXPECT_FALSE(test, xrpc_cong_room(&c, 10 * c.cwnd));
}

static void window_limits_what_is_in_flight(struct kunit *test)
{
	struct xrpc_cong c;

	xrpc_cong_init(&c, MSS);
	xrpc_cong_sent(&c, c.cwnd - MSS);

	KUNIT_EXPECT_TRUE(test, xrpc_cong_room(&c, MSS));
	KUNIT_EXPECT_FALSE(test, xrpc_cong_room(&c, MSS + 1));

	xrpc_cong_gone(&c, 1);
	KUNIT_EXPECT_TRUE(test, xrpc_cong_room(&c, MSS + 1));
}

static void in_flight_does_not_wrap(struct kunit *test)
{
	struct xrpc_cong c;

	xrpc_cong_init(&c, MSS);
	xrpc_cong_sent(&c, 100);
	xrpc_cong_gone(&c, 101);

	KUNIT_EXPECT_EQ(test, c.in_flight, 0U);
}

static void slow_start_doubles_in_a_round_trip(struct kunit *test)
{
	struct xrpc_cong c = busy(10 * MSS, ~0U);
	int i;

	for (i = 0; i < 10; i++) {
		xrpc_cong_acked(&c, MSS, MSS);
		xrpc_cong_sent(&c, 2 * MSS);
	}

	KUNIT_EXPECT_EQ(test, c.cwnd, 20 * MSS);
}

static void avoidance_adds_a_packet_in_a_round_trip(struct kunit *test)
{
	struct xrpc_cong c = busy(10 * MSS, 10 * MSS);
	int i;

	for (i = 0; i < 10; i++) {
		KUNIT_EXPECT_EQ(test, c.cwnd, 10 * MSS);
		xrpc_cong_acked(&c, MSS, MSS);
		xrpc_cong_sent(&c, MSS);
	}

	KUNIT_EXPECT_EQ(test, c.cwnd, 11 * MSS);
}

static void window_that_is_not_used_does_not_grow(struct kunit *test)
{
	struct xrpc_cong c;
	int i;

	/* RFC 9002, 7.8; a ping-pong would grow it without end */
	xrpc_cong_init(&c, MSS);
	for (i = 0; i < 1000; i++) {
		xrpc_cong_sent(&c, 100);
		xrpc_cong_acked(&c, 100, MSS);
	}

	KUNIT_EXPECT_EQ(test, c.cwnd, 10 * MSS);
	KUNIT_EXPECT_EQ(test, c.in_flight, 0U);
}

static void window_has_a_limit(struct kunit *test)
{
	struct xrpc_cong c;
	int i;

	xrpc_cong_init(&c, MSS);
	for (i = 0; i < 100; i++) {
		c.in_flight = c.cwnd;
		xrpc_cong_acked(&c, c.cwnd, MSS);
	}

	KUNIT_EXPECT_GE(test, c.cwnd, XRPC_CWND_MAX);
	KUNIT_EXPECT_LE(test, c.cwnd, 2 * XRPC_CWND_MAX);
}

static void loss_halves_the_window(struct kunit *test)
{
	struct xrpc_cong c = busy(20 * MSS, ~0U);

	xrpc_cong_lost(&c, 5, 20, MSS);

	KUNIT_EXPECT_EQ(test, c.cwnd, 10 * MSS);
	KUNIT_EXPECT_EQ(test, c.ssthresh, 10 * MSS);
}

static void losses_of_one_round_trip_halve_it_once(struct kunit *test)
{
	struct xrpc_cong c = busy(20 * MSS, ~0U);
	__u64 pn;

	for (pn = 5; pn < 20; pn++)
		xrpc_cong_lost(&c, pn, 20, MSS);
	KUNIT_EXPECT_EQ(test, c.cwnd, 10 * MSS);

	/* sent after the answer: a new loss */
	xrpc_cong_lost(&c, 20, 21, MSS);
	KUNIT_EXPECT_EQ(test, c.cwnd, 5 * MSS);
}

static void first_packet_of_all_may_be_lost(struct kunit *test)
{
	struct xrpc_cong c = busy(20 * MSS, ~0U);

	xrpc_cong_lost(&c, 0, 1, MSS);

	KUNIT_EXPECT_EQ(test, c.cwnd, 10 * MSS);
}

static void window_has_a_floor(struct kunit *test)
{
	struct xrpc_cong c;
	__u64 pn;

	xrpc_cong_init(&c, MSS);
	for (pn = 0; pn < 100; pn++)
		xrpc_cong_lost(&c, pn, pn + 1, MSS);

	/* RFC 9002, 7.2: kMinimumWindow */
	KUNIT_EXPECT_EQ(test, c.cwnd, 2 * MSS);
	KUNIT_EXPECT_EQ(test, c.ssthresh, 2 * MSS);
}

static void growth_after_a_loss_is_additive(struct kunit *test)
{
	struct xrpc_cong c = busy(20 * MSS, ~0U);
	int i;

	xrpc_cong_lost(&c, 5, 20, MSS);
	c.in_flight = c.cwnd;
	for (i = 0; i < 10; i++) {
		xrpc_cong_acked(&c, MSS, MSS);
		xrpc_cong_sent(&c, MSS);
	}

	KUNIT_EXPECT_EQ(test, c.cwnd, 11 * MSS);
}

static void window_stays_within_its_bounds(struct kunit *test)
{
	struct rng g = { .state = 6 };
	struct xrpc_cong c;
	__u64 next = 0;
	__u32 n, want = 0;
	int i;

	xrpc_cong_init(&c, MSS);
	for (i = 0; i < 100000; i++) {
		n = 1 + rng_below(&g, MSS);
		switch (rng_below(&g, 50) ? rng_below(&g, 3) : 3) {
		case 0:
		case 1:
			if (!xrpc_cong_room(&c, n))
				break;
			xrpc_cong_sent(&c, n);
			want += n;
			next++;
			break;
		case 2:
			n = min(n, want);
			xrpc_cong_acked(&c, n, MSS);
			want -= n;
			break;
		default:
			n = min(n, want);
			xrpc_cong_gone(&c, n);
			want -= n;
			if (next)
				xrpc_cong_lost(&c, rng_below(&g, next), next,
					       MSS);
		}
		KUNIT_ASSERT_EQ(test, c.in_flight, want);
		KUNIT_ASSERT_GE(test, c.cwnd, 2 * MSS);
		KUNIT_ASSERT_LE(test, c.cwnd, 2 * XRPC_CWND_MAX);
	}
}

static struct kunit_case cong_cases[] = {
	KUNIT_CASE(initial_window_follows_the_packet_size),
	KUNIT_CASE(one_packet_may_always_be_sent),
	KUNIT_CASE(window_limits_what_is_in_flight),
	KUNIT_CASE(in_flight_does_not_wrap),
	KUNIT_CASE(slow_start_doubles_in_a_round_trip),
	KUNIT_CASE(avoidance_adds_a_packet_in_a_round_trip),
	KUNIT_CASE(window_that_is_not_used_does_not_grow),
	KUNIT_CASE(window_has_a_limit),
	KUNIT_CASE(loss_halves_the_window),
	KUNIT_CASE(losses_of_one_round_trip_halve_it_once),
	KUNIT_CASE(first_packet_of_all_may_be_lost),
	KUNIT_CASE(window_has_a_floor),
	KUNIT_CASE(growth_after_a_loss_is_additive),
	KUNIT_CASE(window_stays_within_its_bounds),
	{}
};

static struct kunit_suite cong_suite = {
	.name = "xrpc_cong",
	.test_cases = cong_cases,
};

kunit_test_suite(cong_suite);
