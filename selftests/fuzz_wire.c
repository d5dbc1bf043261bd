// SPDX-License-Identifier: GPL-2.0
/*
 * fuzz_wire: the packet parser under libFuzzer, or by itself.
 *
 *	clang -g -O1 -fsanitize=fuzzer,address,undefined -I../module \
 *		fuzz_wire.c ../module/wire.c
 *	gcc -g -O1 -fsanitize=address,undefined -DSTANDALONE -I../module \
 *		fuzz_wire.c ../module/wire.c && ./a.out [PACKETS [SEED]]
 *
 * By itself it mutates packets that are right.  What is asked: no read beyond
 * the packet, and of a packet that is taken, that all it says lies within it.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire.h"

#define MSG_MAX	65536

#define need(x)								\
	do {								\
		if (!(x)) {						\
			fprintf(stderr, "fuzz_wire: not so: %s\n", #x);	\
			abort();					\
		}							\
	} while (0)

static void look(const uint8_t *pkt, size_t len)
{
	struct xrpc_cursor c;
	struct xrpc_seg seg;
	bool single;
	int got;

	/* the short way takes nothing that the long one refuses */
	single = xrpc_wire_single(pkt, len, MSG_MAX, &seg);
	if (xrpc_wire_check(pkt, len, MSG_MAX)) {
		need(!single);
		return;
	}
	for (got = xrpc_wire_first(&c, pkt, len); got > 0;
	     got = xrpc_wire_next(&c)) {
		need(c.frame >= pkt + sizeof(struct xrpc_hdr));
		need(c.frame + c.len <= pkt + len);
		if (c.type != XRPC_FT_DATA)
			continue;
		need(!xrpc_wire_data(&c, &seg, MSG_MAX));
		need(seg.data >= c.frame);
		need(seg.data + seg.len <= c.frame + c.len);
		need(seg.total <= MSG_MAX);
		need(seg.off <= seg.total && seg.len <= seg.total - seg.off);
	}
	need(!got);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	/* a copy of just that size: aligned, and with an end that is seen */
	uint8_t *pkt = malloc(len ? len : 1);

	need(pkt);
	if (len)
		memcpy(pkt, data, len);
	look(pkt, len);
	free(pkt);
	return 0;
}

#ifdef STANDALONE
static uint64_t state = 1;

static uint32_t below(uint32_t n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (state >> 32) * n >> 32;
}

static void put16(uint8_t *p, uint32_t v)
{
	p[0] = v >> 8;
	p[1] = v;
}

/* A packet that is right, or nearly: any frames, lengths that fit. */
static size_t make(uint8_t *p)
{
	static const uint8_t lens[] = { 4, 16, 12, 12, 48, 36, 24, 40, 16, 12,
					12, 12, 8, 16 };
	struct xrpc_hdr h = { .vfk = XRPC_WIRE_VERSION };
	size_t at = sizeof(h);
	uint32_t n = 1 + below(4), i, len;
	struct xrpc_seg seg;

	memcpy(p, &h, sizeof(h));
	for (i = 0; i < n; i++) {
		uint8_t type = below(sizeof(lens) + 1);

		if (type == XRPC_FT_OPEN)
			p[1] = i ? 0 : XRPC_HF_OPENING;
		if (type == XRPC_FT_DATA) {
			len = below(400);
			seg = (struct xrpc_seg){
				.chan = below(8), .seq = 1 + below(9),
				.len = len, .total = len,
				.flags = below(64) | XRPC_DF_EOM | XRPC_DF_EOH,
			};
			at += xrpc_wire_put_data(p + at, &seg);
			memset(p + at, 'd', len);
			at += (len + 3) & ~3U;
			continue;
		}
		len = type < sizeof(lens) ? lens[type] : 4 + below(60);
		if (type >= sizeof(lens))
			type = XRPC_FT_SKIPPABLE + below(128);
		memset(p + at, 0, len + 3);
		p[at] = type;
		put16(p + at + 2, len);
		at += (len + 3) & ~3U;
	}
	return at;
}

int main(int argc, char **argv)
{
	static uint8_t pkt[4096];
	unsigned long n = argc > 1 ? strtoul(argv[1], NULL, 0) : 1000000;
	unsigned long i, taken = 0;
	uint32_t flips;
	size_t len;

	if (argc > 2)
		state = strtoull(argv[2], NULL, 0) | 1;
	for (i = 0; i < n; i++) {
		len = make(pkt);
		for (flips = below(4); flips; flips--)
			pkt[below(len)] ^= 1 << below(8);
		if (!below(8))
			len = below(len + 1);
		taken += !xrpc_wire_check(pkt, len, MSG_MAX);
		LLVMFuzzerTestOneInput(pkt, len);
	}
	printf("%lu packets, %lu taken\n", n, taken);
	/* else it has only seen refusals */
	return taken < n / 10;
}
#endif
