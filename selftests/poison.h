/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Memory filled with a pattern, to see what is written.  Everything is asked
 * for twice, with different patterns.
 */
#ifndef XRPC_POISON_H
#define XRPC_POISON_H

#include "layout.h"
#include "tap.h"

#define ADDR	sizeof(struct sockaddr_xrpc)

static const unsigned char patterns[] = { 0xa5, 0x5a };

/* Whether all of these bytes are still the pattern's. */
static inline bool untouched(const void *at, size_t len, unsigned char pattern)
{
	const unsigned char *p = at;
	size_t i;

	for (i = 0; i < len; i++) {
		if (p[i] == pattern)
			continue;
		printf("# byte %zu of %zu is %02x\n", i, len, p[i]);
		return false;
	}
	return true;
}

static inline bool same(const void *a, const void *b, size_t len)
{
	const unsigned char *p = a, *q = b;
	size_t i;

	for (i = 0; i < len; i++) {
		if (p[i] == q[i])
			continue;
		printf("# byte %zu of %zu is %02x, not %02x\n", i, len, p[i],
		       q[i]);
		return false;
	}
	return true;
}

static inline struct sockaddr_xrpc name_of(int fd)
{
	struct sockaddr_xrpc a = {};
	socklen_t len = sizeof(a);

	getsockname(fd, (void *)&a, &len);
	return a;
}

#endif /* XRPC_POISON_H */
