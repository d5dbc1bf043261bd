/* SPDX-License-Identifier: GPL-2.0-only */
/* Numbers that look random and are the same in every run (splitmix64). */
#ifndef XRPC_TEST_RANDOM_H
#define XRPC_TEST_RANDOM_H

struct rng {
	__u64	state;
};

static inline __u64 rng_next(struct rng *g)
{
	__u64 z = g->state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

/* A number below @n. */
static inline __u32 rng_below(struct rng *g, __u32 n)
{
	return (rng_next(g) >> 32) * n >> 32;
}

#endif /* XRPC_TEST_RANDOM_H */
