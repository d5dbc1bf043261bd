// SPDX-License-Identifier: GPL-2.0-only
/* The packet format: what is taken, what is refused, and nothing beyond. */
#include <kunit/test.h>

#include "../wire.c"
#include "random.h"

#define MSG_MAX	65536U
#define PKT_MAX	2048

/* A packet in the making; at a multiple of 4, as in an skb. */
struct pkt {
	__u32	len;
	__u8	b[PKT_MAX] __aligned(8);
};

static void begin(struct pkt *p, __u8 flags)
{
	struct xrpc_hdr *h = (void *)p->b;

	memset(p, 0, sizeof(*p));
	h->vfk = XRPC_WIRE_VERSION;
	h->flags = flags;
	h->echo_delay = cpu_to_be32(XRPC_ECHO_NONE);
	p->len = sizeof(*h);
}

/* Too large for a stack; the cases run one after the other. */
static struct pkt pkt;

/* Adds a frame of @len bytes, its body zero; returns the body's place. */
static void *add(struct pkt *p, __u8 type, __u8 flags, __u16 len)
{
	struct xrpc_fhdr *h;

	p->len = ALIGN(p->len, 4);
	h = (void *)(p->b + p->len);
	h->type = type;
	h->flags = flags;
	h->len = cpu_to_be16(len);
	p->len += len;
	return h;
}

/* Adds a DATA frame whose bytes count up from 0. */
static void add_data(struct pkt *p, const struct xrpc_seg *seg)
{
	__u32 i;

	p->len = ALIGN(p->len, 4);
	p->len += xrpc_wire_put_data(p->b + p->len, seg);
	for (i = 0; i < seg->len; i++)
		p->b[p->len++] = i;
}

static struct xrpc_seg whole(__u32 len)
{
	return (struct xrpc_seg){ .chan = 3, .seq = 7, .len = len, .total = len,
				  .deadline = XRPC_NO_DEADLINE,
				  .flags = XRPC_DF_EOM | XRPC_DF_EOH };
}

static struct xrpc_seg part(__u32 off, __u32 len, __u32 total)
{
	return (struct xrpc_seg){
		.chan = 3, .seq = 7, .off = off, .len = len, .total = total,
		.deadline = XRPC_NO_DEADLINE,
		.flags = XRPC_DF_TOTAL | (off + len == total ?
					  XRPC_DF_EOM | XRPC_DF_EOH : 0),
	};
}

static int check(const struct pkt *p)
{
	return xrpc_wire_check(p->b, p->len, MSG_MAX);
}

static int check_seg(const struct xrpc_seg *seg)
{
	begin(&pkt, 0);
	add_data(&pkt, seg);
	return check(&pkt);
}

/* The legal lengths of a fixed frame, by type. */
static const struct {
	__u8 type;
	__u16 len;
} fixed[] = {
	/* first those that belong to no session */
	{ XRPC_FT_TOKEN_REQ, sizeof(struct xrpc_token_req) },
	{ XRPC_FT_TOKEN, sizeof(struct xrpc_token_frame) },
	{ XRPC_FT_NOSESSION, sizeof(struct xrpc_nosession) },
	{ XRPC_FT_ACCEPT, sizeof(struct xrpc_accept) },
	{ XRPC_FT_STATUS, sizeof(struct xrpc_status) },
	{ XRPC_FT_PROBE, sizeof(struct xrpc_callref) },
	{ XRPC_FT_CANCEL, sizeof(struct xrpc_callref) },
	{ XRPC_FT_CLOSE, sizeof(struct xrpc_close) },
	{ XRPC_FT_CREDIT, sizeof(struct xrpc_credit) },
};

#define STRAYS	3

static void sizes_are_those_of_the_protocol(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, sizeof(struct xrpc_hdr),
			(size_t)XRPC_WIRE_HDR_LEN);
	KUNIT_EXPECT_EQ(test, sizeof(struct xrpc_data),
			(size_t)XRPC_WIRE_DATA_LEN);
	KUNIT_EXPECT_EQ(test, sizeof(struct xrpc_open),
			(size_t)XRPC_WIRE_OPEN_LEN);
	KUNIT_EXPECT_EQ(test, sizeof(struct xrpc_accept),
			(size_t)XRPC_WIRE_ACCEPT_LEN);
	KUNIT_EXPECT_EQ(test, sizeof(struct xrpc_data_method), (size_t)8);
	KUNIT_EXPECT_EQ(test, sizeof(struct xrpc_ack_range), (size_t)8);
	KUNIT_EXPECT_EQ(test, sizeof(struct xrpc_done), (size_t)8);
	KUNIT_EXPECT_EQ(test, sizeof(struct xrpc_status), (size_t)12);
	KUNIT_EXPECT_EQ(test, sizeof(struct xrpc_callref), (size_t)12);
}

static void small_request_costs_forty_bytes(struct kunit *test)
{
	struct xrpc_seg seg = whole(100);

	begin(&pkt, 0);
	add_data(&pkt, &seg);
	KUNIT_EXPECT_EQ(test, pkt.len, 140U);

	seg.flags |= XRPC_DF_METHOD;
	begin(&pkt, 0);
	add_data(&pkt, &seg);
	KUNIT_EXPECT_EQ(test, pkt.len, 148U);
	KUNIT_EXPECT_EQ(test, check(&pkt), 0);
}

/* The bytes themselves: what both ends agree on is no accident of a struct. */
static void bytes_on_the_wire_are_fixed(struct kunit *test)
{
	static const __u8 want[] = {
		0x01, 0x0f, 0x00, 0x22,	/* DATA, flags, 34 bytes */
		0x01, 0x02, 0x00, 0x00,	/* channel, message */
		0x01, 0x02, 0x03, 0x04,	/* sequence */
		0x00, 0x00, 0x01, 0x00,	/* offset */
		0xca, 0xfe, 0xba, 0xbe,	/* method */
		0x00, 0x01, 0x00, 0x00,	/* deadline */
		0x00, 0x00, 0x00, 0x00,	/* total */
		0x00, 0x00, 0x01, 0x02,
	};
	struct xrpc_seg seg = {
		.chan = 0x0102, .seq = 0x01020304, .off = 0x100, .len = 2,
		.total = 0x102, .method = 0xcafebabe, .deadline = 0x10000,
		.flags = XRPC_DF_EOM | XRPC_DF_EOH | XRPC_DF_METHOD |
			 XRPC_DF_TOTAL,
	};
	__u8 got[32];

	KUNIT_EXPECT_EQ(test, xrpc_wire_put_data(got, &seg), 32U);
	KUNIT_EXPECT_EQ(test, memcmp(got, want, sizeof(want)), 0);
}

static void header_of_this_version_is_taken(struct kunit *test)
{
	int flags;

	for (flags = 0; flags < 256; flags++) {
		begin(&pkt, flags);
		add(&pkt, XRPC_FT_PAD, 0, 4);
		KUNIT_EXPECT_EQ(test, xrpc_wire_header(pkt.b, pkt.len),
				flags & ~XRPC_HF_KNOWN ? -EINVAL : 0);
	}
}

static void other_versions_and_forms_are_told_apart(struct kunit *test)
{
	int vfk, want;

	begin(&pkt, 0);
	add(&pkt, XRPC_FT_PAD, 0, 4);
	for (vfk = 0; vfk < 256; vfk++) {
		pkt.b[0] = vfk;
		if (vfk == 0x10)
			want = 0;
		else if (vfk >> 4 != 1 || vfk & 0x0c)
			want = -EPROTONOSUPPORT;
		else
			want = -EINVAL;	/* a reserved bit */
		KUNIT_EXPECT_EQ(test, xrpc_wire_header(pkt.b, pkt.len), want);
	}
}

static void reserved_header_bytes_must_be_zero(struct kunit *test)
{
	begin(&pkt, 0);
	add(&pkt, XRPC_FT_PAD, 0, 4);
	pkt.b[2] = 1;
	KUNIT_EXPECT_EQ(test, check(&pkt), -EINVAL);
	pkt.b[2] = 0;
	pkt.b[3] = 0x80;
	KUNIT_EXPECT_EQ(test, check(&pkt), -EINVAL);
}

static void reserved_bytes_of_frames_must_be_zero(struct kunit *test)
{
	static const struct {
		__u8 type, len, at, n;
	} rsv[] = {
		{ XRPC_FT_DONE, 20, 6, 2 },
		{ XRPC_FT_DONE, 20, 14, 2 },
		{ XRPC_FT_ACCEPT, 36, 34, 2 },
		{ XRPC_FT_TOKEN_REQ, 32, 4, 4 },
		{ XRPC_FT_TOKEN, 40, 4, 4 },
		{ XRPC_FT_STATUS, 12, 7, 1 },
		{ XRPC_FT_PROBE, 12, 6, 2 },
		{ XRPC_FT_CANCEL, 12, 6, 2 },
		{ XRPC_FT_CREDIT, 16, 4, 4 },
	};
	size_t i, bit;
	__u8 *f;

	for (i = 0; i < ARRAY_SIZE(rsv); i++) {
		for (bit = 0; bit < 8 * rsv[i].n; bit++) {
			begin(&pkt, 0);
			f = add(&pkt, rsv[i].type, 0, rsv[i].len);
			KUNIT_EXPECT_EQ(test, check(&pkt), 0);
			f[rsv[i].at + bit / 8] |= 1 << bit % 8;
			KUNIT_EXPECT_EQ(test, check(&pkt), -EINVAL);
		}
	}
}

static void packet_without_a_frame_is_refused(struct kunit *test)
{
	begin(&pkt, 0);
	KUNIT_EXPECT_EQ(test, check(&pkt), -EINVAL);
	KUNIT_EXPECT_EQ(test, xrpc_wire_check(pkt.b, 0, MSG_MAX), -EINVAL);

	/* frames to be skipped are none */
	add(&pkt, XRPC_FT_SKIPPABLE, 0xff, 9);
	KUNIT_EXPECT_EQ(test, check(&pkt), -EINVAL);
}

static void every_fixed_frame_has_one_length(struct kunit *test)
{
	size_t i;
	__u16 len;

	for (i = 0; i < ARRAY_SIZE(fixed); i++) {
		for (len = 4; len < 80; len++) {
			begin(&pkt, 0);
			add(&pkt, fixed[i].type, 0, len);
			KUNIT_EXPECT_EQ_MSG(test, check(&pkt),
					    len == fixed[i].len ? 0 : -EINVAL,
					    "type %u, length %u",
					    fixed[i].type, len);
		}
	}
}

static void counted_frames_have_whole_items(struct kunit *test)
{
	static const struct {
		__u8 type;
		__u16 items;
	} counted[] = {
		{ XRPC_FT_ACK, XRPC_ACK_RANGES_MAX },
		{ XRPC_FT_DONE, XRPC_DONE_MAX },
	};
	size_t i;
	__u16 len;
	int want;

	for (i = 0; i < ARRAY_SIZE(counted); i++) {
		for (len = 4; len < 600; len++) {
			begin(&pkt, 0);
			add(&pkt, counted[i].type, 0, len);
			want = len >= 12 && len % 8 == 4 &&
			       len <= 4 + 8 * counted[i].items ? 0 : -EINVAL;
			KUNIT_EXPECT_EQ_MSG(test, check(&pkt), want,
					    "type %u, length %u",
					    counted[i].type, len);
		}
	}
}

static void unknown_frame_drops_the_packet_or_is_skipped(struct kunit *test)
{
	struct xrpc_seg seg = whole(5);
	int type;

	for (type = XRPC_FT_CREDIT + 1; type < 256; type++) {
		begin(&pkt, 0);
		add(&pkt, type, 0xff, 7);
		add_data(&pkt, &seg);
		KUNIT_EXPECT_EQ_MSG(test, check(&pkt),
				    type < 0x80 ? -EINVAL : 0,
				    "type %d", type);
	}
}

static void unknown_flags_are_refused(struct kunit *test)
{
	static const __u8 known[] = {
		[XRPC_FT_TOKEN] = XRPC_TF_RETRY | XRPC_TF_ALIVE,
	};
	size_t i;
	__u8 ok;
	int flags;

	for (i = 0; i < ARRAY_SIZE(fixed); i++) {
		ok = fixed[i].type < sizeof(known) ? known[fixed[i].type] : 0;
		for (flags = 0; flags < 256; flags++) {
			begin(&pkt, 0);
			add(&pkt, fixed[i].type, flags, fixed[i].len);
			KUNIT_EXPECT_EQ(test, check(&pkt),
					flags & ~ok ? -EINVAL : 0);
		}
	}
}

static void what_belongs_to_no_session_stands_alone(struct kunit *test)
{
	struct xrpc_seg seg = whole(5);
	size_t i;

	for (i = 0; i < ARRAY_SIZE(fixed); i++) {
		begin(&pkt, 0);
		add(&pkt, fixed[i].type, 0, fixed[i].len);
		add(&pkt, XRPC_FT_PAD, 0, 8);
		KUNIT_EXPECT_EQ(test, check(&pkt), 0);
		add_data(&pkt, &seg);
		KUNIT_EXPECT_EQ(test, check(&pkt),
				i < STRAYS ? -EINVAL : 0);
		begin(&pkt, 0);
		add_data(&pkt, &seg);
		add(&pkt, fixed[i].type, 0, fixed[i].len);
		KUNIT_EXPECT_EQ(test, check(&pkt),
				i < STRAYS ? -EINVAL : 0);
	}
}

static void frame_may_not_pass_the_end(struct kunit *test)
{
	struct xrpc_seg seg = whole(20);
	__u32 len;

	begin(&pkt, 0);
	add_data(&pkt, &seg);
	KUNIT_ASSERT_EQ(test, check(&pkt), 0);

	for (len = 0; len < pkt.len; len++)
		KUNIT_EXPECT_EQ_MSG(test, xrpc_wire_check(pkt.b, len, MSG_MAX),
				    -EINVAL, "length %u", len);
}

static void frame_shorter_than_its_header_is_refused(struct kunit *test)
{
	__u16 len;

	for (len = 0; len < 4; len++) {
		begin(&pkt, 0);
		add(&pkt, XRPC_FT_PAD, 0, len);
		pkt.len = sizeof(struct xrpc_hdr) + 8;
		KUNIT_EXPECT_EQ(test, check(&pkt), -EINVAL);
	}
}

static void frames_begin_at_multiples_of_four(struct kunit *test)
{
	struct xrpc_seg seg = whole(5);
	struct xrpc_cursor c;

	begin(&pkt, 0);
	add_data(&pkt, &seg);
	add(&pkt, XRPC_FT_PROBE, 0, sizeof(struct xrpc_callref));
	KUNIT_ASSERT_EQ(test, check(&pkt), 0);

	KUNIT_ASSERT_EQ(test, xrpc_wire_first(&c, pkt.b, pkt.len), 1);
	KUNIT_EXPECT_EQ(test, c.type, (__u8)XRPC_FT_DATA);
	KUNIT_EXPECT_EQ(test, c.len, (__u16)21);
	KUNIT_ASSERT_EQ(test, xrpc_wire_next(&c), 1);
	KUNIT_EXPECT_EQ(test, c.type, (__u8)XRPC_FT_PROBE);
	KUNIT_EXPECT_PTR_EQ(test, c.frame, (const __u8 *)pkt.b + 24 + 24);
	KUNIT_EXPECT_EQ(test, xrpc_wire_next(&c), 0);
}

static void open_stands_first_in_opening_packets_only(struct kunit *test)
{
	struct xrpc_seg seg = whole(5);

	begin(&pkt, XRPC_HF_OPENING);
	add(&pkt, XRPC_FT_OPEN, 0, sizeof(struct xrpc_open));
	add_data(&pkt, &seg);
	KUNIT_EXPECT_EQ(test, check(&pkt), 0);

	/* in a packet that is not an opening one */
	pkt.b[1] = 0;
	KUNIT_EXPECT_EQ(test, check(&pkt), -EINVAL);

	/* behind another frame */
	begin(&pkt, XRPC_HF_OPENING);
	add_data(&pkt, &seg);
	add(&pkt, XRPC_FT_OPEN, 0, sizeof(struct xrpc_open));
	KUNIT_EXPECT_EQ(test, check(&pkt), -EINVAL);

	/* twice */
	begin(&pkt, XRPC_HF_OPENING);
	add(&pkt, XRPC_FT_OPEN, 0, sizeof(struct xrpc_open));
	add(&pkt, XRPC_FT_OPEN, 0, sizeof(struct xrpc_open));
	KUNIT_EXPECT_EQ(test, check(&pkt), -EINVAL);

	/* not at all */
	begin(&pkt, XRPC_HF_OPENING);
	add_data(&pkt, &seg);
	KUNIT_EXPECT_EQ(test, check(&pkt), -EINVAL);
}

static void data_comes_back_as_it_was_written(struct kunit *test)
{
	struct rng g = { .state = 7 };
	struct xrpc_seg in, out;
	struct xrpc_cursor c;
	int i;
	__u32 j, wrong;

	for (i = 0; i < 5000; i++) {
		in = rng_below(&g, 2) ? whole(rng_below(&g, 1400)) :
		     part(rng_below(&g, 60000), 256 + rng_below(&g, 1000),
			  62000);
		in.chan = rng_next(&g);
		in.seq = rng_next(&g) | 1;
		if (rng_below(&g, 2)) {
			in.flags |= XRPC_DF_METHOD;
			in.method = rng_next(&g);
			in.deadline = rng_next(&g);
		}
		if (rng_below(&g, 2))
			in.flags |= XRPC_DF_REPLAYABLE;
		if (rng_below(&g, 2))
			in.flags |= XRPC_DF_ONEWAY;

		begin(&pkt, 0);
		add_data(&pkt, &in);
		KUNIT_ASSERT_EQ(test, check(&pkt), 0);
		KUNIT_ASSERT_EQ(test, xrpc_wire_first(&c, pkt.b, pkt.len), 1);
		KUNIT_ASSERT_EQ(test, xrpc_wire_data(&c, &out, MSG_MAX), 0);

		KUNIT_ASSERT_EQ(test, out.chan, in.chan);
		KUNIT_ASSERT_EQ(test, out.seq, in.seq);
		KUNIT_ASSERT_EQ(test, out.off, in.off);
		KUNIT_ASSERT_EQ(test, out.len, in.len);
		KUNIT_ASSERT_EQ(test, out.total, in.total);
		KUNIT_ASSERT_EQ(test, out.method, in.method);
		KUNIT_ASSERT_EQ(test, out.deadline, in.deadline);
		KUNIT_ASSERT_EQ(test, out.flags, in.flags);
		for (wrong = 0, j = 0; j < in.len; j++)
			wrong += out.data[j] != (__u8)j;
		KUNIT_ASSERT_EQ(test, wrong, 0U);
	}
}

static void message_may_be_empty(struct kunit *test)
{
	struct xrpc_seg seg = whole(0);

	KUNIT_EXPECT_EQ(test, check_seg(&seg), 0);
	seg = part(0, 0, 0);
	KUNIT_EXPECT_EQ(test, check_seg(&seg), 0);
}

static void message_has_a_limit(struct kunit *test)
{
	struct xrpc_seg seg = part(0, 300, MSG_MAX);

	KUNIT_EXPECT_EQ(test, check_seg(&seg), 0);
	seg.total++;
	KUNIT_EXPECT_EQ(test, check_seg(&seg), -EINVAL);
}

static void whole_message_has_a_limit_too(struct kunit *test)
{
	struct xrpc_seg seg = whole(101);

	begin(&pkt, 0);
	add_data(&pkt, &seg);
	KUNIT_EXPECT_EQ(test, xrpc_wire_check(pkt.b, pkt.len, 101), 0);
	KUNIT_EXPECT_EQ(test, xrpc_wire_check(pkt.b, pkt.len, 100), -EINVAL);
}

static void total_uses_all_its_bits(struct kunit *test)
{
	struct xrpc_seg seg = part(0, 300, 1000);

	begin(&pkt, 0);
	add_data(&pkt, &seg);
	/* bit 32 of the total */
	pkt.b[sizeof(struct xrpc_hdr) + sizeof(struct xrpc_data) + 3] = 1;
	KUNIT_EXPECT_EQ(test, check(&pkt), -EINVAL);
}

static void segment_lies_within_its_message(struct kunit *test)
{
	struct xrpc_seg seg = part(700, 300, 1000);

	KUNIT_EXPECT_EQ(test, check_seg(&seg), 0);
	seg.off = 701;
	KUNIT_EXPECT_EQ(test, check_seg(&seg), -EINVAL);
	seg.off = 1001;
	KUNIT_EXPECT_EQ(test, check_seg(&seg), -EINVAL);
	/* off + len wraps to the end */
	seg.off = 1000U - 300U - 1U + 0x80000000U;
	KUNIT_EXPECT_EQ(test, check_seg(&seg), -EINVAL);
	seg.off = ~0U;
	KUNIT_EXPECT_EQ(test, check_seg(&seg), -EINVAL);
}

static void end_marks_agree_with_the_lengths(struct kunit *test)
{
	struct xrpc_seg seg = part(700, 300, 1000);

	seg.flags &= ~(XRPC_DF_EOM | XRPC_DF_EOH);
	KUNIT_EXPECT_EQ(test, check_seg(&seg), -EINVAL);
	seg.flags |= XRPC_DF_EOM;
	KUNIT_EXPECT_EQ(test, check_seg(&seg), -EINVAL);
	seg.flags ^= XRPC_DF_EOM | XRPC_DF_EOH;
	KUNIT_EXPECT_EQ(test, check_seg(&seg), -EINVAL);

	seg = part(0, 300, 1000);
	seg.flags |= XRPC_DF_EOM | XRPC_DF_EOH;
	KUNIT_EXPECT_EQ(test, check_seg(&seg), -EINVAL);

	/* without a total the packet holds the message */
	seg = whole(50);
	seg.flags = 0;
	KUNIT_EXPECT_EQ(test, check_seg(&seg), -EINVAL);
	seg = whole(50);
	seg.off = 1;
	KUNIT_EXPECT_EQ(test, check_seg(&seg), -EINVAL);
}

static void crumbs_are_refused(struct kunit *test)
{
	struct xrpc_seg seg = part(0, XRPC_SEG_MIN, 1000);

	KUNIT_EXPECT_EQ(test, check_seg(&seg), 0);
	seg = part(0, XRPC_SEG_MIN - 1, 1000);
	KUNIT_EXPECT_EQ(test, check_seg(&seg), -EINVAL);

	/* a last segment may be short, but not of nothing */
	seg = part(999, 1, 1000);
	KUNIT_EXPECT_EQ(test, check_seg(&seg), 0);
	seg = part(1000, 0, 1000);
	KUNIT_EXPECT_EQ(test, check_seg(&seg), -EINVAL);
}

static void optional_words_lie_within_the_frame(struct kunit *test)
{
	__u16 len;
	__u8 *f;

	for (len = 16; len < 32; len++) {
		begin(&pkt, 0);
		f = add(&pkt, XRPC_FT_DATA, XRPC_DF_EOM | XRPC_DF_EOH |
			XRPC_DF_METHOD | XRPC_DF_TOTAL, len);
		f[11] = 1;
		KUNIT_EXPECT_EQ(test, check(&pkt), -EINVAL);
	}
}

static void sequence_zero_and_later_messages_are_refused(struct kunit *test)
{
	struct xrpc_seg seg = whole(10);

	seg.seq = 0;
	KUNIT_EXPECT_EQ(test, check_seg(&seg), -EINVAL);
	seg.seq = 1;
	KUNIT_EXPECT_EQ(test, check_seg(&seg), 0);
	seg.msg = 1;
	KUNIT_EXPECT_EQ(test, check_seg(&seg), -EINVAL);
}

static void sixty_four_bits_keep_their_order(struct kunit *test)
{
	__be32 w[2];

	xrpc_put64(w, 0x0102030405060708ULL);
	KUNIT_EXPECT_EQ(test, ((__u8 *)w)[0], (__u8)1);
	KUNIT_EXPECT_EQ(test, ((__u8 *)w)[7], (__u8)8);
	KUNIT_EXPECT_EQ(test, xrpc_get64(w), 0x0102030405060708ULL);
	xrpc_put64(w, ~0ULL);
	KUNIT_EXPECT_EQ(test, xrpc_get64(w), ~0ULL);
}

static void packet_number_of_the_standards_example(struct kunit *test)
{
	/* RFC 9000, A.3, with 32 bits for its 16 */
	KUNIT_EXPECT_EQ(test, xrpc_wire_pn(0xa82f30eaULL + 1, 0xa82f9b32),
			0xa82f9b32ULL);
	KUNIT_EXPECT_EQ(test, xrpc_wire_pn(0x5a82f30eaULL, 0xb0000000),
			0x5b0000000ULL);
}

static void packet_number_steps_over_the_wrap(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, xrpc_wire_pn(0, 0), 0ULL);
	KUNIT_EXPECT_EQ(test, xrpc_wire_pn(0xffffffffULL, 0xffffffff),
			0xffffffffULL);
	/* onwards */
	KUNIT_EXPECT_EQ(test, xrpc_wire_pn(0xffffffffULL, 3), 0x100000003ULL);
	KUNIT_EXPECT_EQ(test, xrpc_wire_pn(0x100000000ULL, 0), 0x100000000ULL);
	/* a late one from before */
	KUNIT_EXPECT_EQ(test, xrpc_wire_pn(0x100000003ULL, 0xfffffff0),
			0xfffffff0ULL);
	/* there is nothing before 0 */
	KUNIT_EXPECT_EQ(test, xrpc_wire_pn(3, 0xfffffff0), 0xfffffff0ULL);
	KUNIT_EXPECT_EQ(test, xrpc_wire_pn(0, 0x90000000), 0x90000000ULL);
}

static void packet_number_ties_go_upwards(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, xrpc_wire_pn(0x500000000ULL, 0x80000000),
			0x580000000ULL);
	KUNIT_EXPECT_EQ(test, xrpc_wire_pn(0x500000000ULL, 0x80000001),
			0x480000001ULL);
	KUNIT_EXPECT_EQ(test, xrpc_wire_pn(0x580000000ULL, 0),
			0x600000000ULL);
}

static void packet_number_at_the_end_of_all_numbers(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, xrpc_wire_pn(~0ULL, 0xffffffff), ~0ULL);
	KUNIT_EXPECT_EQ(test, xrpc_wire_pn(~0ULL, 0xfffffff0), ~0xfULL);
	KUNIT_EXPECT_EQ(test, xrpc_wire_pn(~0ULL - 5, 0xfffffffe), ~1ULL);
	/* none above: the one below */
	KUNIT_EXPECT_EQ(test, xrpc_wire_pn(~0ULL, 3), 0xffffffff00000003ULL);
}

static void packet_number_is_the_nearest(struct kunit *test)
{
	struct rng g = { .state = 8 };
	__u64 pn, back, ahead;
	int i;

	/* any number within half the space of the expected one comes back */
	for (i = 0; i < 200000; i++) {
		pn = rng_next(&g) >> (1 + rng_below(&g, 62));
		back = rng_next(&g) >> (33 + rng_below(&g, 30));
		ahead = rng_next(&g) >> (33 + rng_below(&g, 30));
		if (back < 0x7fffffff && pn + back > pn)
			KUNIT_ASSERT_EQ(test, xrpc_wire_pn(pn + back, pn), pn);
		if (ahead <= pn)
			KUNIT_ASSERT_EQ(test, xrpc_wire_pn(pn - ahead, pn), pn);
	}
}

/* Walks a packet as a receiver would, touching every byte it may touch. */
static __u32 touch(const __u8 *at, __u32 len)
{
	struct xrpc_cursor c;
	struct xrpc_seg seg;
	__u32 sum = 0, i;
	int err;

	if (xrpc_wire_header(at, len))
		return 0;
	for (err = xrpc_wire_first(&c, at, len); err > 0;
	     err = xrpc_wire_next(&c)) {
		for (i = 0; i < c.len; i++)
			sum += c.frame[i];
		if (c.type != XRPC_FT_DATA ||
		    xrpc_wire_data(&c, &seg, MSG_MAX))
			continue;
		for (i = 0; i < seg.len; i++)
			sum += seg.data[i];
	}
	return sum;
}

static void random_packet(struct pkt *p, struct rng *g)
{
	const bool opening = !rng_below(g, 3);
	struct xrpc_seg seg;
	int frames = rng_below(g, 5), i;

	begin(p, opening ? XRPC_HF_OPENING : 0);
	if (!opening && !rng_below(g, 5)) {
		i = rng_below(g, STRAYS);
		add(p, fixed[i].type, 0, fixed[i].len);
		while (frames--)
			add(p, XRPC_FT_PAD, 0, 4 + rng_below(g, 60));
		return;
	}
	if (opening)
		add(p, XRPC_FT_OPEN, 0, sizeof(struct xrpc_open));
	else
		frames++;
	while (frames--) {
		switch (rng_below(g, 5)) {
		case 0:
			add(p, XRPC_FT_ACK, 0,
			    12 + 8 * rng_below(g, XRPC_ACK_RANGES_MAX));
			break;
		case 1:
			add(p, 0x80 + rng_below(g, 128), rng_next(g),
			    4 + rng_below(g, 60));
			/* so that there is one that counts */
			fallthrough;
		case 2:
			i = STRAYS + rng_below(g, ARRAY_SIZE(fixed) - STRAYS);
			add(p, fixed[i].type, 0, fixed[i].len);
			break;
		case 3:
			seg = whole(rng_below(g, 120));
			if (rng_below(g, 2))
				seg.flags |= XRPC_DF_METHOD;
			add_data(p, &seg);
			break;
		default:
			seg = part(0, 256 + rng_below(g, 64), 5000);
			add_data(p, &seg);
		}
	}
}

/* Judges a copy that ends where its memory ends: KASAN sees a byte more. */
static int judge(struct kunit *test, const struct pkt *p)
{
	__u8 *exact = kmalloc(p->len, GFP_KERNEL);
	__u32 sum;
	int err;

	KUNIT_ASSERT_NOT_NULL(test, exact);
	memcpy(exact, p->b, p->len);
	err = xrpc_wire_check(exact, p->len, MSG_MAX);
	sum = touch(exact, p->len);
	OPTIMIZER_HIDE_VAR(sum);
	kfree(exact);
	return err;
}

/* The short way for packets of the steady state takes what the long one does. */
static bool single_agrees(struct kunit *test, const struct pkt *p)
{
	__u8 *exact = kmalloc(p->len, GFP_KERNEL);
	struct xrpc_seg fast, slow;
	struct xrpc_cursor c;
	bool single, same;

	KUNIT_ASSERT_NOT_NULL(test, exact);
	memcpy(exact, p->b, p->len);
	single = xrpc_wire_single(exact, p->len, MSG_MAX, &fast);
	if (xrpc_wire_check(exact, p->len, MSG_MAX) ||
	    xrpc_wire_first(&c, exact, p->len) != 1 ||
	    c.type != XRPC_FT_DATA || c.left ||
	    /* a frame with padding behind it goes the long way: allowed */
	    c.len != p->len - sizeof(struct xrpc_hdr))
		same = !single;
	else
		same = single && !xrpc_wire_data(&c, &slow, MSG_MAX) &&
		       fast.chan == slow.chan && fast.seq == slow.seq &&
		       fast.off == slow.off && fast.len == slow.len &&
		       fast.total == slow.total && fast.flags == slow.flags &&
		       fast.method == slow.method &&
		       fast.deadline == slow.deadline && fast.data == slow.data;
	kfree(exact);
	return same;
}

static void single_data_frame_is_judged_alike(struct kunit *test)
{
	struct rng g = { .state = 12 };
	__u32 n, at;
	struct xrpc_seg seg;
	int i;

	for (i = 0; i < 30000; i++) {
		begin(&pkt, 0);
		seg = rng_below(&g, 2) ? whole(rng_below(&g, 100)) :
		      part(0, 256 + rng_below(&g, 64), 5000);
		if (rng_below(&g, 2))
			seg.flags |= XRPC_DF_METHOD;
		add_data(&pkt, &seg);
		/* in the headers mostly: the data is not judged */
		for (n = rng_below(&g, 3); n; n--) {
			at = rng_below(&g, 8) ? 48 : pkt.len;
			at = rng_below(&g, min(at, pkt.len));
			if (rng_below(&g, 4))
				pkt.b[at] ^= 1 << rng_below(&g, 8);
			else
				pkt.len = 1 + at;
		}
		KUNIT_ASSERT_TRUE_MSG(test, single_agrees(test, &pkt),
				      "packet %d", i);
	}
}

static void well_formed_packets_are_taken(struct kunit *test)
{
	struct rng g = { .state = 9 };
	int i;

	for (i = 0; i < 5000; i++) {
		random_packet(&pkt, &g);
		KUNIT_ASSERT_EQ_MSG(test, judge(test, &pkt), 0, "packet %d", i);
	}
}

static void mutated_packets_are_read_within_bounds(struct kunit *test)
{
	struct rng g = { .state = 10 };
	__u32 taken = 0, refused = 0, n, at;
	int i, err;

	for (i = 0; i < 30000; i++) {
		random_packet(&pkt, &g);
		for (n = 1 + rng_below(&g, 4); n; n--) {
			at = rng_below(&g, pkt.len);
			switch (rng_below(&g, 4)) {
			case 0:
				pkt.b[at] = rng_next(&g);
				break;
			case 1:
				pkt.b[at] ^= 1 << rng_below(&g, 8);
				break;
			case 2:
				pkt.b[at] += rng_below(&g, 9) - 4;
				break;
			default:
				/* kmalloc(0) has no byte to begin at */
				pkt.len = 1 + at;
			}
		}
		err = judge(test, &pkt);
		KUNIT_ASSERT_TRUE(test, !err || err == -EINVAL ||
				  err == -EPROTONOSUPPORT);
		if (err)
			refused++;
		else
			taken++;
	}
	/* else the mutations are too wild, or too tame */
	KUNIT_EXPECT_GT(test, taken, 1000U);
	KUNIT_EXPECT_GT(test, refused, 1000U);
}

static void noise_is_read_within_bounds(struct kunit *test)
{
	struct rng g = { .state = 11 };
	__u32 at;
	int i;

	for (i = 0; i < 30000; i++) {
		pkt.len = 1 + rng_below(&g, 120);
		for (at = 0; at < pkt.len; at++)
			pkt.b[at] = rng_next(&g);
		/* a good header, else all ends there */
		pkt.b[0] = XRPC_WIRE_VERSION;
		pkt.b[1] &= XRPC_HF_KNOWN;
		pkt.b[2] = 0;
		pkt.b[3] = 0;
		/* and a first frame that is one at times */
		pkt.b[24] &= 0x0f;
		pkt.b[26] = 0;
		judge(test, &pkt);
	}
}

static struct kunit_case wire_cases[] = {
	KUNIT_CASE(sizes_are_those_of_the_protocol),
	KUNIT_CASE(small_request_costs_forty_bytes),
	KUNIT_CASE(bytes_on_the_wire_are_fixed),
	KUNIT_CASE(header_of_this_version_is_taken),
	KUNIT_CASE(other_versions_and_forms_are_told_apart),
	KUNIT_CASE(reserved_header_bytes_must_be_zero),
	KUNIT_CASE(reserved_bytes_of_frames_must_be_zero),
	KUNIT_CASE(packet_without_a_frame_is_refused),
	KUNIT_CASE(every_fixed_frame_has_one_length),
	KUNIT_CASE(counted_frames_have_whole_items),
	KUNIT_CASE(unknown_frame_drops_the_packet_or_is_skipped),
	KUNIT_CASE(unknown_flags_are_refused),
	KUNIT_CASE(what_belongs_to_no_session_stands_alone),
	KUNIT_CASE(frame_may_not_pass_the_end),
	KUNIT_CASE(frame_shorter_than_its_header_is_refused),
	KUNIT_CASE(frames_begin_at_multiples_of_four),
	KUNIT_CASE(open_stands_first_in_opening_packets_only),
	KUNIT_CASE(data_comes_back_as_it_was_written),
	KUNIT_CASE(message_may_be_empty),
	KUNIT_CASE(message_has_a_limit),
	KUNIT_CASE(whole_message_has_a_limit_too),
	KUNIT_CASE(total_uses_all_its_bits),
	KUNIT_CASE(segment_lies_within_its_message),
	KUNIT_CASE(end_marks_agree_with_the_lengths),
	KUNIT_CASE(crumbs_are_refused),
	KUNIT_CASE(optional_words_lie_within_the_frame),
	KUNIT_CASE(sequence_zero_and_later_messages_are_refused),
	KUNIT_CASE(sixty_four_bits_keep_their_order),
	KUNIT_CASE(packet_number_of_the_standards_example),
	KUNIT_CASE(packet_number_steps_over_the_wrap),
	KUNIT_CASE(packet_number_ties_go_upwards),
	KUNIT_CASE(packet_number_at_the_end_of_all_numbers),
	KUNIT_CASE(packet_number_is_the_nearest),
	KUNIT_CASE_SLOW(single_data_frame_is_judged_alike),
	KUNIT_CASE_SLOW(well_formed_packets_are_taken),
	KUNIT_CASE_SLOW(mutated_packets_are_read_within_bounds),
	KUNIT_CASE_SLOW(noise_is_read_within_bounds),
	{}
};

static struct kunit_suite wire_suite = {
	.name = "xrpc_wire",
	.test_cases = wire_cases,
};

kunit_test_suite(wire_suite);
