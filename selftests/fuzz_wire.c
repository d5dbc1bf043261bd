// SPDX-License-Identifier: GPL-2.0
/*
 * fuzz_wire: what a packet's bytes reach of the code that knows no kernel, under
 * libFuzzer or by itself: the parser and builder, packet numbers, the sets of
 * ranges, round-trip time and window.  Nothing of the kernel is imitated here:
 * wire.c, ranges.c, rtt.h and cong.h are pure, and are what the module has.
 *
 *	clang -g -O1 -fsanitize=fuzzer,address,undefined -I../module \
 *		fuzz_wire.c ../module/wire.c ../module/ranges.c
 *	gcc -g -O1 -fsanitize=address,undefined -DSTANDALONE -I../module \
 *		fuzz_wire.c ../module/wire.c ../module/ranges.c
 *	./a.out [INPUTS [SEED]]
 *	./a.out corpus DIRECTORY
 *
 * An input is what one session receives: packets, each behind the two bytes of
 * its length.  Packets that are right are made and then hurt, frame by frame,
 * under libFuzzer in turns with its own ways; with "corpus" the program writes
 * inputs that are right for it to begin with.
 *
 * What is asked: no read beyond the packet; of a packet that is taken, that all
 * it says lies within it, and that it says the same built anew; of the state
 * that packets change, that it stays within its bounds and is what a simple
 * model says.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cong.h"
#include "fuzz.h"
#include "ranges.h"
#include "rtt.h"
#include "wire.h"

#define MSG_MAX	65536
#define PKT_MAX	4096
#define PKTS_MAX	200		/* an input, where the program makes it */
#define MSS	1000
/* Packets that the session sent before the first one comes. */
#define SENT	40
#define MS	1000000ULL

#define need(x)								\
	do {								\
		if (!(x)) {						\
			fprintf(stderr, "fuzz_wire: not so: %s\n", #x);	\
			abort();					\
		}							\
	} while (0)

/* ---- the sets, beside a model ---------------------------------------- */

/* What every set promises: ordered, none empty, none touching the next. */
static void look_set(const struct xrpc_ranges *s)
{
	uint32_t i;

	need(s->n <= XRPC_RANGES_MAX);
	for (i = 0; i < s->n; i++) {
		need(s->r[i].lo < s->r[i].hi);
		need(!i || s->r[i - 1].hi < s->r[i].lo);
	}
}

/* All of [lo, hi) is in one range of the set. */
static bool holds(const struct xrpc_ranges *s, uint64_t lo, uint64_t hi)
{
	uint32_t i;

	for (i = 0; i < s->n; i++)
		if (s->r[i].lo <= lo && s->r[i].hi >= hi)
			return true;
	return false;
}

/* Packet numbers: the newest are remembered, nothing is made up. */
static void add_number(struct xrpc_ranges *s, uint64_t v)
{
	struct xrpc_ranges before = *s;
	uint64_t from;
	uint32_t i;

	xrpc_ranges_add_newest(s, v);
	look_set(s);
	from = s->r[0].lo;
	need(v < from || xrpc_ranges_has(s, v));
	need(v >= from || before.n == XRPC_RANGES_MAX);
	for (i = 0; i < before.n; i++) {
		uint64_t lo = before.r[i].lo, hi = before.r[i].hi;

		if (lo >= from)
			need(holds(s, lo, hi));
	}
	for (i = 0; i < s->n; i++) {
		uint64_t lo = s->r[i].lo, hi = s->r[i].hi;

		need(v == lo || xrpc_ranges_has(&before, lo));
		need(v == hi - 1 || xrpc_ranges_has(&before, hi - 1));
	}
}

/* ---- a session, as far as it is pure --------------------------------- */

static struct session {
	bool		any;		/* a packet came */
	uint64_t	echo_pn;
	uint64_t	next_pn;
	uint64_t	now;
	struct xrpc_ranges rx_pns;
	struct xrpc_rtt	rtt;
	struct xrpc_cong cong;
	bool		live[SENT];	/* of what was sent */
	/* a message that arrives, and one that is sent */
	uint32_t	total;
	uint32_t	arrived;
	struct xrpc_ranges have;
	struct xrpc_ranges acked;
	struct xrpc_ranges lost;
} s;

static uint8_t there[MSG_MAX];

static void begin(void)
{
	unsigned int i;

	memset(&s, 0, sizeof(s));
	memset(there, 0, sizeof(there));
	s.next_pn = SENT;
	s.now = MS;
	xrpc_cong_init(&s.cong, MSS);
	for (i = 0; i < SENT; i++) {
		s.live[i] = true;
		xrpc_cong_sent(&s.cong, MSS);
	}
}

static void look_window(void)
{
	uint32_t in_flight = 0;
	unsigned int i;

	for (i = 0; i < SENT; i++)
		in_flight += s.live[i] ? MSS : 0;
	need(s.cong.in_flight == in_flight);
	need(s.cong.cwnd >= 2 * MSS);
	need(s.cong.cwnd <= XRPC_CWND_MAX + MSS * SENT);
	need(xrpc_cong_room(&s.cong, MSS) ==
	     (!in_flight || in_flight + MSS <= s.cong.cwnd));
}

/* The number that the low half in a packet stands for. */
static uint64_t number(uint64_t expected, uint32_t low)
{
	uint64_t pn = xrpc_wire_pn(expected, low);
	uint64_t off = pn > expected ? pn - expected : expected - pn;

	need((uint32_t)pn == low);
	/* the nearest one there is; below 0 there is none */
	need(off <= 0x80000000ULL || (pn > expected && !(pn >> 32)));
	return pn;
}

static void take_header(const struct xrpc_hdr *h)
{
	uint64_t pn, echo;
	uint32_t delay = be32_to_cpu(h->echo_delay);
	unsigned int backoff;

	pn = number(s.any ? s.echo_pn + 1 : 0, be32_to_cpu(h->pn));
	if (!xrpc_ranges_has(&s.rx_pns, pn))
		add_number(&s.rx_pns, pn);
	if (!s.any || pn > s.echo_pn)
		s.echo_pn = pn;
	s.any = true;

	echo = number(s.next_pn, be32_to_cpu(h->echo));
	if (delay == XRPC_ECHO_NONE || echo >= s.next_pn)
		return;
	/* packet N was sent after N milliseconds */
	if (s.now < echo * MS)
		return;
	xrpc_rtt_sample(&s.rtt, s.now - echo * MS, delay * 1000ULL);
	need(s.rtt.srtt && s.rtt.min && s.rtt.latest);
	need(s.rtt.min <= s.now);
	need(s.rtt.srtt <= s.now && s.rtt.rttvar <= s.now);
	for (backoff = 0; backoff < 20; backoff++) {
		uint64_t a = xrpc_rtt_pto(&s.rtt, 5 * MS, backoff);

		need(a >= s.rtt.srtt);
		need(a <= XRPC_PTO_MAX || a <= s.now * 6);
		need(a <= xrpc_rtt_pto(&s.rtt, 5 * MS, backoff + 1));
	}
	need(xrpc_rtt_loss_delay(&s.rtt) >= s.rtt.srtt);
}

/* Bytes acknowledged: those are not lost any more. */
static void take_acked(uint64_t pn)
{
	uint64_t off = pn * MSS;

	if (!s.live[pn])
		return;
	s.live[pn] = false;
	xrpc_cong_acked(&s.cong, MSS, MSS);
	xrpc_ranges_add(&s.acked, off, off + MSS);
	xrpc_ranges_del(&s.lost, off, off + MSS);
}

static void take_lost(uint64_t largest)
{
	__u64 pn, lo, hi, end;

	for (pn = 0; pn + 3 <= largest; pn++) {
		if (!s.live[pn])
			continue;
		s.live[pn] = false;
		xrpc_cong_gone(&s.cong, MSS);
		xrpc_cong_lost(&s.cong, pn, s.next_pn, MSS);
		lo = pn * MSS;
		end = lo + MSS;
		hi = xrpc_ranges_clip(&s.acked, &lo, end);
		while (lo < hi) {
			need(lo >= pn * MSS && hi <= end);
			xrpc_ranges_add_cover(&s.lost, lo, hi);
			need(holds(&s.lost, lo, hi));
			lo = hi;
			hi = xrpc_ranges_clip(&s.acked, &lo, end);
		}
	}
}

static void take_acks(const struct xrpc_cursor *c)
{
	const struct xrpc_ack_range *r;
	uint64_t lo, hi, pn, largest = 0;
	unsigned int i, n;

	r = (const void *)(c->frame + sizeof(struct xrpc_fhdr));
	n = (c->len - sizeof(struct xrpc_fhdr)) / sizeof(*r);
	need(n && n <= XRPC_ACK_RANGES_MAX);
	for (i = 0; i < n; i++) {
		lo = number(s.next_pn, be32_to_cpu(r[i].lo));
		hi = number(s.next_pn, be32_to_cpu(r[i].hi));
		if (lo > hi || hi >= s.next_pn)
			continue;
		if (hi > largest)
			largest = hi;
		for (pn = lo; pn <= hi; pn++)
			take_acked(pn);
	}
	take_lost(largest);
	look_set(&s.acked);
	look_set(&s.lost);
	look_window();
}

/* A piece of the message, marked in the set and in the model. */
static void take_piece(const struct xrpc_seg *seg)
{
	__u64 lo = seg->off, end = lo + seg->len, hi, at;
	struct xrpc_ranges before = s.have;

	if (!s.total)
		s.total = seg->total;
	if (seg->total != s.total)
		return;
	hi = xrpc_ranges_clip(&s.have, &lo, end);
	for (at = seg->off; at < end && there[at]; at++)
		;
	if (at == end) {
		need(lo >= hi);
		return;
	}
	need(lo == at && hi > lo && hi <= end);
	for (; at < hi; at++)
		need(!there[at]);
	need(hi == end || there[hi]);

	if (!xrpc_ranges_add(&s.have, seg->off, end)) {
		need(!memcmp(&before, &s.have, sizeof(before)));
		need(before.n == XRPC_RANGES_MAX);
		return;
	}
	look_set(&s.have);
	need(holds(&s.have, seg->off, end));
	for (at = seg->off; at < end; at++) {
		s.arrived += !there[at];
		there[at] = 1;
	}
	need(xrpc_ranges_full(&s.have, s.total) == (s.arrived == s.total));
}

/* ---- packets --------------------------------------------------------- */

/* What was read, built again: the same bytes, but for what is not defined. */
static void look_built(const struct xrpc_cursor *c, const struct xrpc_seg *seg)
{
	uint8_t at[32];
	uint32_t n;

	n = xrpc_wire_put_data(at, seg);
	need(n <= sizeof(at));
	need(n + seg->len == c->len);
	need(seg->data == c->frame + n);
	need(!memcmp(at, c->frame, n));
}

static void look_data(const uint8_t *pkt, size_t len,
		      const struct xrpc_cursor *c, struct xrpc_seg *seg)
{
	need(!xrpc_wire_data(c, seg, MSG_MAX));
	need(seg->data >= c->frame);
	need(seg->data + seg->len <= c->frame + c->len);
	need(seg->data + seg->len <= pkt + len);
	need(seg->total <= MSG_MAX);
	need(seg->off <= seg->total && seg->len <= seg->total - seg->off);
	need(seg->seq);
	look_built(c, seg);
	take_piece(seg);
}

static void look(const uint8_t *pkt, size_t len)
{
	struct xrpc_seg seg, one;
	struct xrpc_cursor c;
	bool single;
	int got;

	/* the short way takes nothing that the long one refuses */
	single = xrpc_wire_single(pkt, len, MSG_MAX, &one);
	if (xrpc_wire_check(pkt, len, MSG_MAX)) {
		need(!single);
		return;
	}
	s.now += MS;
	take_header((const void *)pkt);
	for (got = xrpc_wire_first(&c, pkt, len); got > 0;
	     got = xrpc_wire_next(&c)) {
		need(c.frame >= pkt + sizeof(struct xrpc_hdr));
		need(c.frame + c.len <= pkt + len);
		if (c.type == XRPC_FT_DATA) {
			look_data(pkt, len, &c, &seg);
			/* nor reads it something else */
			need(!single || (one.data == seg.data &&
					 one.len == seg.len &&
					 one.seq == seg.seq &&
					 one.total == seg.total));
		} else if (c.type == XRPC_FT_ACK) {
			take_acks(&c);
		}
	}
	need(!got);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	begin();
	while (len > 2) {
		size_t n = data[0] | data[1] << 8;
		uint8_t *room, *pkt;

		data += 2;
		len -= 2;
		if (n > len)
			n = len;
		/*
		 * A copy of just that size has an end that is seen, and stands
		 * as the network stack puts it: at a multiple of 4, not of 8.
		 */
		room = malloc(n + 4);
		need(room);
		pkt = room + 4;
		memcpy(pkt, data, n);
		look(pkt, n);
		free(room);
		data += n;
		len -= n;
	}
	return 0;
}

/* ---- making packets -------------------------------------------------- */

/* The packet at hand, where a parser may read it. */
static uint8_t pkt[PKT_MAX] __attribute__((aligned(4)));

/* A DATA frame: a whole message, or a piece of the one of 64,000 bytes. */
static size_t make_data(uint8_t *p)
{
	struct xrpc_seg seg = {
		.chan = below(8), .seq = 1 + below(9), .len = below(400),
		.flags = below(2) ? XRPC_DF_METHOD : 0, .method = below(9),
		.deadline = below(2) ? XRPC_NO_DEADLINE : below(1 << 30),
	};
	size_t n;

	if (below(2)) {
		seg.total = 64000;
		seg.len += XRPC_SEG_MIN;
		seg.off = below(200) * 320;
		if (seg.off + seg.len > seg.total)
			seg.len = seg.total - seg.off;
		seg.flags |= XRPC_DF_TOTAL;
	} else {
		seg.total = seg.len;
		seg.flags |= below(4) << 4;
	}
	if (seg.off + seg.len == seg.total)
		seg.flags |= XRPC_DF_EOM | XRPC_DF_EOH;
	n = xrpc_wire_put_data(p, &seg);
	memset(p + n, 'd', seg.len);
	return n + seg.len;
}

static size_t make_ack(uint8_t *p)
{
	struct xrpc_ack_range r;
	uint32_t n = 1 + below(XRPC_ACK_RANGES_MAX), i, lo;

	for (i = 0; i < n; i++) {
		lo = below(SENT);
		r.lo = cpu_to_be32(lo);
		r.hi = cpu_to_be32(lo + below(4));
		memcpy(p + 4 + i * sizeof(r), &r, sizeof(r));
	}
	put16(p + 2, 4 + n * sizeof(r));
	return 4 + n * sizeof(r);
}

/* A packet that is right: any frames, lengths that fit. */
static size_t make(void)
{
	static const uint8_t lens[] = { 4, 16, 12, 12, 48, 36, 24, 40, 16, 12,
					12, 12, 8, 16 };
	static uint32_t pn;
	struct xrpc_hdr h = {
		.vfk = XRPC_WIRE_VERSION,
		.pn = cpu_to_be32(pn += below(5)),
		.echo = cpu_to_be32(below(SENT)),
		.echo_delay = cpu_to_be32(below(4) ? below(5000) :
						     XRPC_ECHO_NONE),
	};
	size_t at = sizeof(h), len;
	uint32_t n = 1 + below(4), i;

	memcpy(pkt, &h, sizeof(h));
	for (i = 0; i < n; i++) {
		uint8_t type = below(3) ? below(sizeof(lens) + 1) :
					  1 + below(2);

		if (type == XRPC_FT_OPEN)
			pkt[1] = i ? 0 : XRPC_HF_OPENING;
		len = type < sizeof(lens) ? lens[type] : 4 + below(60);
		if (type >= sizeof(lens))
			type = XRPC_FT_SKIPPABLE + below(128);
		memset(pkt + at, 0, len + 3);
		pkt[at] = type;
		put16(pkt + at + 2, len);
		if (type == XRPC_FT_DATA)
			len = make_data(pkt + at);
		else if (type == XRPC_FT_ACK)
			len = make_ack(pkt + at);
		at += (len + 3) & ~3U;
	}
	return at;
}

static size_t put_packet(uint8_t *p, size_t len)
{
	p[0] = len;
	p[1] = len >> 8;
	memcpy(p + 2, pkt, len);
	return len + 2;
}

#ifdef STANDALONE
/* What one session receives: as it should be, or hurt here and there. */
static size_t make_input(uint8_t *p, bool right, unsigned long *taken)
{
	uint32_t n = 1 + below(below(8) ? 40 : PKTS_MAX), i, wounds;
	size_t at = 0, len;

	for (i = 0; i < n; i++) {
		len = make();
		for (wounds = right ? 0 : below(3); wounds; wounds--)
			len = hurt(pkt, len, sizeof(pkt));
		*taken += !xrpc_wire_check(pkt, len, MSG_MAX);
		at += put_packet(p + at, len);
	}
	return at;
}

static int corpus(const char *dir, uint8_t *input)
{
	unsigned long taken = 0;
	char name[4096];
	size_t len;
	FILE *f;
	int i;

	for (i = 0; i < 64; i++) {
		len = make_input(input, true, &taken);
		snprintf(name, sizeof(name), "%s/%02d", dir, i);
		f = fopen(name, "w");
		if (!f || fwrite(input, len, 1, f) != 1 || fclose(f)) {
			perror(name);
			return 1;
		}
	}
	return 0;
}

int main(int argc, char **argv)
{
	static uint8_t input[PKTS_MAX * (PKT_MAX + 2)];
	unsigned long n = 100000, i, taken = 0;

	if (argc > 2 && !strcmp(argv[1], "corpus"))
		return corpus(argv[2], input);
	if (argc > 1)
		n = strtoul(argv[1], NULL, 0);
	if (argc > 2)
		fuzz_state = strtoull(argv[2], NULL, 0);
	for (i = 0; i < n; i++)
		LLVMFuzzerTestOneInput(input,
				       make_input(input, false, &taken));
	printf("%lu inputs, %lu packets taken\n", n, taken);
	/* else it has only seen refusals */
	return taken < n;
}
#else
size_t LLVMFuzzerMutate(uint8_t *data, size_t len, size_t max);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t len, size_t max,
			       unsigned int seed);

/* One packet of an input is hurt, or made anew; or libFuzzer's own ways. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t len, size_t max,
			       unsigned int seed)
{
	size_t at = 0, end, was, now;
	uint32_t skip;

	fuzz_state = seed;
	if (!below(4))
		return LLVMFuzzerMutate(data, len, max);
	for (skip = below(60); at + 2 < len; skip--) {
		was = data[at] | data[at + 1] << 8;
		end = at + 2 + was;
		if (!skip || end >= len)
			break;
		at = end;
	}
	if (at + 2 >= len || (end = at + 2 + was) > len || was > PKT_MAX ||
	    !below(8)) {
		/* one more */
		now = make();
		if (len + 2 + now > max)
			return LLVMFuzzerMutate(data, len, max);
		return len + put_packet(data + len, now);
	}
	memcpy(pkt, data + at + 2, was);
	now = below(8) ? was : make();
	if (below(8))
		now = hurt(pkt, now, sizeof(pkt));
	if (len - was + now > max)
		return LLVMFuzzerMutate(data, len, max);
	memmove(data + at + 2 + now, data + end, len - end);
	put_packet(data + at, now);
	return len - was + now;
}
#endif
