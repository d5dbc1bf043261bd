/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the fuzzers share: numbers that come again with their seed, and ways to
 * hurt a packet that get past the first check of a parser.
 */
#ifndef XRPC_FUZZ_H
#define XRPC_FUZZ_H

#include <stdint.h>
#include <string.h>

#include "wire.h"

/* Every thread has numbers of its own (splitmix64). */
static __thread uint64_t fuzz_state = 1;

static inline uint64_t rnd(void)
{
	uint64_t z = fuzz_state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

static inline uint32_t below(uint32_t n)
{
	return (rnd() >> 32) * n >> 32;
}

/* A number at an edge of something. */
static inline uint32_t odd(void)
{
	static const uint32_t at[] = { 0, 1, 0x7fffffff, 0x80000000, 0x80000001,
				       0xffffffff, 0xffff, 0x10000, 0x10001,
				       1024, XRPC_SEG_MIN };

	return at[below(sizeof(at) / sizeof(at[0]))] +
	       (below(2) ? 0 : below(9) - 4);
}

static inline void put16(uint8_t *p, uint32_t v)
{
	p[0] = v >> 8;
	p[1] = v;
}

static inline size_t frame_len(const uint8_t *p)
{
	return ((p[2] << 8 | p[3]) + 3) & ~3U;
}

/* Where a frame of a packet begins: any, or the last. */
static inline size_t some_frame(const uint8_t *p, size_t len)
{
	uint32_t skip = below(5) ? below(5) : ~0U;
	size_t at = sizeof(struct xrpc_hdr), n;

	for (; skip; skip--) {
		n = frame_len(p + at);
		if (!n || at + n + 4 > len)
			break;
		at += n;
	}
	return at;
}

/* Change one thing of a packet, with room for @max bytes.  Returns its length. */
static inline size_t hurt(uint8_t *p, size_t len, size_t max)
{
	size_t at, word, n;
	uint32_t v;

	if (len < sizeof(struct xrpc_hdr) + 4)
		return len;
	at = some_frame(p, len);
	v = p[at + 2] << 8 | p[at + 3];
	switch (below(11)) {
	case 0:
		p[below(len)] ^= 1 << below(8);
		return len;
	case 1:				/* the packet ends early */
		return below(len + 1);
	case 2:				/* so does its last frame, which knows */
		v = 4 + below(len - at > 40 ? 40 : len - at - 3);
		put16(p + at + 2, v);
		return at + v;
	case 3:				/* a length that is off */
		put16(p + at + 2, v + below(33) - 16);
		return len;
	case 4:				/* one that fits and is wrong */
		put16(p + at + 2, below(len - at + 1));
		return len;
	case 5:
		p[at + 1] ^= 1 << below(8);
		return len;
	case 6:
		p[at] = below(16);
		return len;
	case 7:				/* a list with more or less in it */
		v += (below(41) - 20U) * 8;
		if (v < 4 || at + v > max)
			return len;
		put16(p + at + 2, v);
		if (at + v > len)
			memset(p + len, below(256), at + v - len);
		return at + v;
	case 8:				/* a frame once more */
		n = frame_len(p + at);
		word = (len + 3) & ~3U;
		if (n < 4 || at + n > len || word + n > max)
			return len;
		memset(p + len, 0, word - len);
		memmove(p + word, p + at, n);
		return word + n;
	case 9:				/* and once more where another stood */
		word = some_frame(p, len);
		n = frame_len(p + at);
		if (n > len - at)
			n = len - at;
		if (n > len - word)
			n = len - word;
		memmove(p + word, p + at, n);
		return len;
	default:
		word = at + 4 * below(6);
		if (!below(4))
			word = 4 * below(6);
		if (word + 4 > len)
			return len;
		v = cpu_to_be32(odd());
		/* a channel is half a word */
		if (below(4))
			memcpy(p + word, &v, sizeof(v));
		else
			memcpy(p + word + 2 * below(2), (uint8_t *)&v + 2, 2);
		return len;
	}
}

#endif /* XRPC_FUZZ_H */
